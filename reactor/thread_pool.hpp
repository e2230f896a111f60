// ThreadPool: a few threads for work that blocks: file systems, databases, getaddrinfo, long computations.
// Not for work that waits for descriptors or timers: that is the reactor's. Results come home by threads.hpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "plait/deferred/errors.hpp"
#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/histogram.hpp"

namespace plait {

struct ThreadPoolOptions {
    /// Threads at a time; at least one.
    int most_threads = 10;
    /// Pieces of work that may wait for a thread, beside those that run.
    std::size_t most_queued = 10'000;
    /// A thread that has had nothing to do for so long ends.
    std::chrono::milliseconds idle = std::chrono::seconds(30);
};

/// As much work waits in a ThreadPool as may.
class ThreadPoolFull : public Error {
public:
    explicit ThreadPoolFull(std::size_t most_queued);
    ~ThreadPoolFull() override;
};

/// Work was given to a ThreadPool that is stopped, or was still waiting in one when it was.
class ThreadPoolStopped : public Error {
public:
    ThreadPoolStopped();
    ~ThreadPoolStopped() override;
};

/// Threads that are started when there is work for them, and end after a time without.
///
/// Order:    work begins in the order it was given.
/// Lifetime: destroying it is `stop()`. Allowed from its own threads.
/// Threads:  any, all members.
/// Source:   ThreadPool of Twisted, with a bound on what waits.
class ThreadPool {
public:
    /// Names one piece of work, for `take_back`.
    using Ticket = std::uint64_t;

    explicit ThreadPool(ThreadPoolOptions options = {});
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;
    ~ThreadPool();

    /// Calls `work` in a thread, in the context of now (deferred/context.hpp), and destroys it there. What it throws is
    /// reported as an unhandled failure.
    /// Fails: throws ThreadPoolFull, ThreadPoolStopped, and std::system_error when the system gives not even one
    /// thread.
    Ticket call(UniqueFunction<void()> work);

    /// Takes work off that has not begun, and destroys it here. False when it has begun, or has ended.
    bool take_back(Ticket ticket) noexcept;

    /// Drops what waits, waits for what runs (but not for the work that calls this), and refuses work until `start()`.
    void stop() noexcept;

    /// Takes work again. Does nothing when not stopped.
    void start() noexcept;

    /// Changes the bound. Threads beyond it end when they have nothing more to do.
    void set_most_threads(int most) noexcept;

    /// Alive: working, or ready to.
    std::size_t threads() const noexcept;
    /// Waiting for a thread.
    std::size_t queued() const noexcept;
    /// How much waited for a thread each time work was given, that included.
    CountHistogram queue_lengths() const noexcept;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace plait
