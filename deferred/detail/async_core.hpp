// The part of an AsyncResult that does not depend on its type: who waits, who is to be called, and what it ended in.
// Not for users; async_result.hpp is the face.
//
//   waiting --claim--> setting --publish--> value | exception
//
// The phase changes under the mutex and is read without it: what was stored while "setting" is seen by whoever sees the
// end. No code of a user runs under the mutex: not callbacks, not their destructors, not the value's constructor.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>

#include "plait/deferred/context.hpp"
#include "plait/deferred/source_location.hpp"
#include "plait/deferred/unique_function.hpp"

namespace plait {

/// Names one callback of one AsyncResult. No two in the program are the same, so that a wrong one does no harm.
enum class LinkId : std::uint64_t { none = 0 };

/// Where the callbacks of an AsyncResult run, and where it is not to be waited for. Both parts are optional.
/// Threads: both are called from any thread, from several at once.
struct Dispatcher {
    /// Takes a function to be called somewhere, once, soon: `[&](auto f) { reactor.call_from_thread(std::move(f)); }`.
    /// Functions are given in the order they are to be called. Destroying one uncalled drops its callback.
    std::function<void(UniqueFunction<void()>)> dispatch{};

    /// True in the thread without which the result is never set: waiting there would be for ever, so it throws.
    std::function<bool()> must_not_wait{};
};

/// A Dispatcher that calls in the thread that sets, and refuses waits in the thread that makes it.
Dispatcher no_waiting_in_this_thread();

}  // namespace plait

namespace plait::detail {

[[noreturn]] void throw_used_producer();

class AsyncCore : public std::enable_shared_from_this<AsyncCore> {
public:
    using Callback = UniqueFunction<void(const std::shared_ptr<AsyncCore>&)>;
    using Timeout = std::optional<std::chrono::nanoseconds>;

    AsyncCore(Dispatcher dispatcher, SourceLocation made);
    AsyncCore(const AsyncCore&) = delete;
    AsyncCore& operator=(const AsyncCore&) = delete;
    /// Reports an exception that nobody saw; callbacks not run are destroyed.
    virtual ~AsyncCore();

    bool ready() const noexcept { return phase() >= Phase::value; }
    bool has_value() const noexcept { return phase() == Phase::value; }
    /// Whether it has failed, of which the caller is told now.
    bool saw_failure() const noexcept;
    std::exception_ptr exception() const noexcept;

    /// The right to set the result. Throws AlreadyFired when it has been taken.
    void claim();
    /// Null: the value has been stored. Wakes who waits and calls what is linked.
    void publish(std::exception_ptr exception);
    void set_exception(std::exception_ptr exception);
    /// The producer has gone. Does nothing when the result has been set, or nobody would hear of it.
    void break_promise() noexcept;

    /// False: it took too long. Throws InvalidState where waiting could only be for ever.
    bool wait(Timeout timeout) const;
    /// Returns when there is a value; throws the exception, or TimeoutError when there is neither in time.
    void require_value(bool block, Timeout timeout) const;

    LinkId link(Callback callback);
    bool unlink(LinkId id);

private:
    enum class Phase : unsigned char { waiting, setting, value, exception };
    struct Entry {
        LinkId id;
        Callback callback;
        Context context = Context::current();  // when it was linked
    };
    using Entries = std::list<Entry>;
    class Dispatched;

    Phase phase() const noexcept { return phase_.load(std::memory_order_acquire); }
    bool nobody_waits() const;
    void call_all();
    void call_later(LinkId id);
    void call(Entries one) noexcept;
    Entries take(LinkId id);

    const Dispatcher dispatcher_;
    const SourceLocation made_;
    std::exception_ptr exception_;
    std::atomic<Phase> phase_{Phase::waiting};
    mutable std::atomic<bool> seen_{false};

    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    Entries entries_;
};

}  // namespace plait::detail
