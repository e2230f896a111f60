// DeferredQueue: values handed from those who put to those who get, in order, with a bound on both sides.
// Not for threads: both sides run in one loop. Not a channel with back-pressure: a full queue refuses, and waits for
// nothing.
#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <utility>

#include "plait/deferred/deferred.hpp"

namespace plait {

/// A value was put into a queue that is full.
class QueueOverflow : public Error {
public:
    explicit QueueOverflow(std::size_t size);
    ~QueueOverflow() override;
};

/// A value was asked of a queue that as many wait for as may.
class QueueUnderflow : public Error {
public:
    explicit QueueUnderflow(std::size_t backlog);
    ~QueueUnderflow() override;
};

/// The queue was closed: nothing goes in any more, and what was in it is out.
class QueueClosed : public Error {
public:
    QueueClosed();
    ~QueueClosed() override;
};

}  // namespace plait

#include "plait/deferred/detail/queue_state.hpp"

namespace plait {

///     DeferredQueue<Job> jobs(1000, 4);                    // at most 1000 stored, 4 waiting
///     jobs.put(Job("a"));                                  // in one place
///     for (;;) work(co_await jobs.get());                  // in another, until it throws QueueClosed
///
/// Order:    first put, first got; first to ask, first to get. Values put in a getter's callback are handed over when
///           that has returned: any number take constant stack.
/// Cancel:   a getter that is cancelled or dropped is out of the line, the next value goes to the next one. A value
///           that was handed over belongs to its Deferred: dropped unread, it is gone.
/// Lifetime: not movable. Destroying it destroys what is stored and fails those who wait with Destroyed. It may be
///           destroyed from a getter's callback.
/// Threads:  one.
/// Source:   Twisted's DeferredQueue; close() from asyncio's Queue.shutdown().
template <typename T>
class DeferredQueue {
public:
    static constexpr std::size_t unbounded = std::numeric_limits<std::size_t>::max();

    /// `size`: values stored at most; with 0, put() needs somebody waiting. `backlog`: getters waiting at most; with 0,
    /// get() needs something stored.
    DeferredQueue(std::size_t size, std::size_t backlog)
        : state_(std::make_shared<detail::QueueState<T>>(size, backlog)) {}
    DeferredQueue(const DeferredQueue&) = delete;
    DeferredQueue& operator=(const DeferredQueue&) = delete;
    ~DeferredQueue() { state_->end(); }

    /// Hands `value` to the first who waits, whose callbacks have run before this returns, or stores it.
    /// Fails: throws QueueOverflow when full, QueueClosed after close(); `value` is then as it was.
    void put(T&& value) { state_->put(std::move(value)); }
    void put(const T& value) { state_->put(value); }

    /// The first value; ready, and without allocating, when one is stored.
    /// Fails: with what moving its value to it threw; with QueueUnderflow when `backlog` wait already; with QueueClosed
    /// when closed and empty.
    Deferred<T> get(SourceLocation made = SourceLocation::current()) { return state_->get(made); }

    /// Nothing goes in any more. What is stored can still be got; then get() fails, as do those who wait now, with
    /// QueueClosed.
    void close() { state_->close(); }

    bool closed() const noexcept { return state_->closed(); }
    /// Stored.
    std::size_t size() const noexcept { return state_->stored(); }
    /// put() would throw QueueOverflow.
    bool full() const noexcept { return state_->full(); }
    /// Getters in line.
    std::size_t waiting() const noexcept { return state_->waiting(); }

private:
    std::shared_ptr<detail::QueueState<T>> state_;
};

}  // namespace plait
