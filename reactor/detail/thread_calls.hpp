// ThreadCalls: the queue by which other threads reach a reactor, and the descriptor that wakes it. Not a thread pool.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/detail/io_watch.hpp"
#include "plait/reactor/detail/wakeup.hpp"
#include "plait/reactor/iops.hpp"

namespace plait::detail {

class BlockingCall;

/// What other threads hold of a reactor; it may outlive it, and is closed then. Many posts cost one wake-up: only the
/// first after the queue was taken writes to the descriptor.
class ThreadMailbox {
public:
    /// Drops `function` when closed. Threads: any.
    void post(UniqueFunction<void()> function);

    /// Posts a call whose thread waits for it. Throws ReactorNotRunning when nobody would make it, and InvalidState in
    /// the thread that would. Threads: any.
    void post_blocking(std::shared_ptr<BlockingCall> call);

    // The rest is for the reactor's thread.

    /// Exchanges the calls posted so far with `calls`, which must be empty; the next post wakes the loop again.
    void take(std::vector<UniqueFunction<void()>>& calls);

    /// Posted and not yet taken.
    std::size_t size();

    /// From now on this thread makes calls.
    void begin_running();
    /// It makes none any more: threads that wait are told so.
    void end_running() noexcept;
    void blocking_call_ended(BlockingCall& call) noexcept;

    /// Drops what is queued and all that will be.
    void close() noexcept;

    int fd() const noexcept { return wakeup_.fd(); }

private:
    void wake() noexcept;

    Wakeup wakeup_;
    std::mutex mutex_;
    std::vector<UniqueFunction<void()>> calls_;
    std::list<std::shared_ptr<BlockingCall>> waiting_;
    std::thread::id running_in_;  // none: not running
    bool awake_ = false;
    bool closed_ = false;
};

/// A reactor's own end of the mailbox.
///
/// Destroying it drops the calls that were not made; what they post while they are destroyed is dropped too.
class ThreadCalls final : private EventHandler {
public:
    /// `taken` is called, in the loop's thread, when there are calls to take.
    ThreadCalls(IOPS& loop, UniqueFunction<void()> taken);
    ThreadCalls(const ThreadCalls&) = delete;
    ThreadCalls& operator=(const ThreadCalls&) = delete;
    ~ThreadCalls();

    void post(UniqueFunction<void()> function) { mailbox_->post(std::move(function)); }
    void take(std::vector<UniqueFunction<void()>>& calls) { mailbox_->take(calls); }
    void close() noexcept { mailbox_->close(); }

    /// Posted and not yet taken.
    std::size_t size() { return mailbox_->size(); }

    const std::shared_ptr<ThreadMailbox>& mailbox() const noexcept { return mailbox_; }

private:
    void event_ready(IOFlags) noexcept override;

    UniqueFunction<void()> taken_;
    std::shared_ptr<ThreadMailbox> mailbox_;
    IOWatch watch_;
};

}  // namespace plait::detail
