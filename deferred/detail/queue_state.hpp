// What a DeferredQueue holds, apart so that it outlives the queue while a getter's callback destroys that.
// Not to be included alone; deferred/queue.hpp does.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <utility>

#include "plait/deferred/detail/waiting_line.hpp"
#include "plait/deferred/errors.hpp"
#include "plait/deferred/queue.hpp"

namespace plait::detail {

/// Values and getters are both there only while deliver() is at work further up the stack: that many of them belong to
/// each other already.
template <typename T>
class QueueState : public std::enable_shared_from_this<QueueState<T>> {
public:
    QueueState(std::size_t size, std::size_t backlog) noexcept : size_(size), backlog_(backlog) {}
    QueueState(const QueueState&) = delete;
    QueueState& operator=(const QueueState&) = delete;

    bool closed() const noexcept { return closed_; }
    std::size_t stored() const noexcept { return values_.size() - in_hand(); }
    std::size_t waiting() const noexcept { return line_.size() - in_hand(); }
    bool full() const noexcept { return waiting() == 0 && stored() >= size_; }

    template <typename V>
    void put(V&& value) {
        if (closed_) throw QueueClosed();
        if (full()) throw QueueOverflow(size_);
        values_.push_back(std::forward<V>(value));
        deliver();
    }

    Deferred<T> get(SourceLocation made) {
        if (line_.empty() && !values_.empty()) return succeed(leave_first_value());
        if (stored() == 0) {
            if (closed_) return fail<T>(QueueClosed(), made);
            if (waiting() >= backlog_) return fail<T>(QueueUnderflow(backlog_), made);
        }
        return line_.join(0, [] {}, made);
    }

    void close() {
        closed_ = true;
        deliver();
    }

    void end() {
        const auto keep = this->shared_from_this();
        closed_ = delivering_ = true;
        if (!line_.empty()) finish_deliveries(make_failure(Destroyed("DeferredQueue")));
        const std::deque<T> gone = std::move(values_);
    }

private:
    std::size_t in_hand() const noexcept { return values_.size() < line_.size() ? values_.size() : line_.size(); }

    T leave_first_value() {
        T first = std::move(values_.front());
        values_.pop_front();
        return first;
    }

    // A callback that puts or closes leaves the rest to the loop that called it, so the stack stays flat.
    void deliver() {
        if (delivering_ || line_.empty()) return;
        const auto keep = this->shared_from_this();
        delivering_ = true;
        while (!line_.empty() && !values_.empty())
            hand_over();
        if (closed_ && !line_.empty()) finish_deliveries(make_failure(QueueClosed()));
        delivering_ = false;
    }

    void finish_deliveries(const Failure& why) {
        while (!line_.empty()) {
            if (values_.empty()) {
                line_.leave_first().errback(why);
            } else {
                hand_over();
            }
        }
    }

    /// A value whose move throws is lost, and its getter fails with that.
    void hand_over() noexcept {
        Slot<T> moved;
        try {
            moved.set_value(std::move(values_.front()));
        } catch (...) {
            moved.set_failure(Failure::current());
        }
        values_.pop_front();
        Access::fire_with(line_.leave_first(), moved);
    }

    std::size_t size_;
    std::size_t backlog_;
    std::deque<T> values_;
    WaitingLine<T> line_;
    bool delivering_ = false;
    bool closed_ = false;
};

}  // namespace plait::detail
