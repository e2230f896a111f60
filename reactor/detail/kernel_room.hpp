// What the kernel means by an errno that takes, or gives, no bytes for now: whether an event will tell when that is
// over, and how long to rest when none will. Not for accept(): a port out of descriptors is another matter.
#pragma once

#include <cerrno>
#include <chrono>

namespace plait::detail {

/// Full, or empty. It ends with an event.
inline bool would_block(int error) noexcept {
    return error == EAGAIN || error == EWOULDBLOCK;
}

/// The system has no memory for it, or too many descriptors are under way already. Unlike a full socket, this does not
/// end with an event.
inline bool is_exhausted(int error) noexcept {
    return error == ENOBUFS || error == ENOMEM || error == ETOOMANYREFS;
}

/// Until an exhausted system is asked again.
constexpr std::chrono::milliseconds exhausted_rest(10);

}  // namespace plait::detail
