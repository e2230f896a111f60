// One connection over loopback, both ends in this thread: one writes 1 MiB at a time, as soon as the last has left, the
// other reads and counts.
#pragma once

#include <cstdint>
#include <string>

namespace plait::bench {

constexpr std::size_t stream_piece = 1024 * 1024;
constexpr const char* stream_ciphersuite = "TLS_AES_256_GCM_SHA384";

/// For TLS: the server's, and the same for whom to trust.
struct StreamIdentity {
    std::string certificate;
    std::string key;
};

/// Each carries `bytes` from the one end to the other over a new connection. Throws when that fails.
/// `identity`: null for plain TCP.
void stream_with_plait(std::uint64_t bytes, const StreamIdentity* identity);
void stream_with_asio(std::uint64_t bytes, const StreamIdentity* identity);

}  // namespace plait::bench
