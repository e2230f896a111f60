// ThreadCalls: the queue by which other threads reach a reactor, and the descriptor that wakes it. Not a thread pool.
#pragma once

#include <mutex>
#include <vector>

#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/detail/io_watch.hpp"
#include "plait/reactor/detail/wakeup.hpp"
#include "plait/reactor/iops.hpp"

namespace plait::detail {

/// Many posts cost one wake-up: only the first after the queue was taken writes to the descriptor.
///
/// Destroying it drops the calls that were not made; what they post while they are destroyed is dropped too.
class ThreadCalls final : private EventHandler {
public:
    /// `taken` is called, in the loop's thread, when there are calls to take.
    ThreadCalls(IOPS& loop, UniqueFunction<void()> taken);
    ThreadCalls(const ThreadCalls&) = delete;
    ThreadCalls& operator=(const ThreadCalls&) = delete;
    ~ThreadCalls();

    /// Threads: any.
    void post(UniqueFunction<void()> function);

    /// Exchanges the calls posted so far with `calls`, which must be empty; the next post wakes the loop again.
    void take(std::vector<UniqueFunction<void()>>& calls);

    /// Posted and not yet taken.
    std::size_t size();

    /// Drops what is queued and all that will be.
    void close() noexcept;

private:
    void event_ready(IOFlags) noexcept override;

    UniqueFunction<void()> taken_;
    Wakeup wakeup_;
    IOWatch watch_;

    std::mutex mutex_;
    std::vector<UniqueFunction<void()>> calls_;
    bool awake_ = false;
    bool closed_ = false;
};

}  // namespace plait::detail
