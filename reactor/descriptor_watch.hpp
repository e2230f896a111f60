// DescriptorWatch: a call whenever a descriptor of yours is readable or writable: for libraries that bring sockets of
// their own, for inotify, eventfd, serial lines. Not a Transport: reading, writing and closing it stay yours.
#pragma once

#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/iops.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait {

/// Tells a function what a descriptor is ready for.
///
///     DescriptorWatch watch(reactor, ::PQsocket(connection), IOFlags::read, [&](IOFlags) { read_some(); });
///
/// Level-triggered: it is called in each pass of the loop for as long as the descriptor is ready for what is watched
/// for. So read until nothing is left, or watch for less. An end and an error count as ready for whatever is watched
/// for; a descriptor that cannot be watched is told once, with IOFlags::error, and watched no more.
///
/// Fires:    in a turn of the reactor, in the context in which this was made, never before the constructor or watch()
///           has returned. What the function throws is reported as an unhandled failure and ends the watching, as what
///           is ready would be told again at once; watch() takes it up again.
/// Lifetime: destroying it ends the watching, also inside its own call; what the function captured is then destroyed at
///           the end of that turn. Destroy it, or watch for nothing, before the descriptor is closed. One to a
///           descriptor, and none beside a transport that has it. Its reactor may go first: it then watches nothing.
///           Stopping the reactor leaves it in place for the next run.
/// Threads:  the reactor's.
/// Source:   IReactorFDSet of Twisted.
class DescriptorWatch {
public:
    using Ready = UniqueFunction<void(IOFlags ready)>;

    /// Watches `fd` for `flags`: read, write, both, or none for now.
    /// Fails: throws UsageError for a negative descriptor, ReactorStopped while the reactor is being destroyed.
    DescriptorWatch(Reactor& reactor, int fd, IOFlags flags, Ready ready);
    DescriptorWatch(const DescriptorWatch&) = delete;
    DescriptorWatch& operator=(const DescriptorWatch&) = delete;
    ~DescriptorWatch();

    /// Watches for `flags` and nothing else from now on; none ends watching.
    void watch(IOFlags flags) noexcept;

    /// What is watched for.
    IOFlags flags() const noexcept;

    int fd() const noexcept;

private:
    class Impl;
    Impl* impl_;
};

}  // namespace plait
