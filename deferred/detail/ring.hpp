// A list whose links are in its members: adding and removing are O(1) and allocate nothing.
// Not an owner.
#pragma once

#include <utility>

namespace plait::detail {

class RingLink {
public:
    RingLink() noexcept = default;
    RingLink(const RingLink&) = delete;
    RingLink& operator=(const RingLink&) = delete;

    bool alone() const noexcept { return next_ == this; }
    RingLink* next() const noexcept { return next_; }
    RingLink* previous() const noexcept { return previous_; }

    void unlink() noexcept {
        previous_->next_ = next_;
        next_->previous_ = previous_;
        previous_ = next_ = this;
    }
    void insert_before(RingLink& at) noexcept {
        previous_ = std::exchange(at.previous_, this);
        next_ = &at;
        previous_->next_ = this;
    }
    /// Makes one ring of two: what follows `first` around its own ring goes before this one.
    void join(RingLink& first) noexcept {
        RingLink* last = std::exchange(first.previous_, previous_);
        std::exchange(previous_, last)->next_ = &first;
        last->next_ = this;
    }

protected:
    ~RingLink() = default;

private:
    RingLink* previous_ = this;
    RingLink* next_ = this;
};

/// T derives from RingLink.
template <typename T>
class Ring {
public:
    bool empty() const noexcept { return end_.alone(); }
    T& front() const noexcept { return static_cast<T&>(*end_.next()); }
    T& back() const noexcept { return static_cast<T&>(*end_.previous()); }
    void push_back(T& member) noexcept { member.insert_before(end_); }

    /// Puts all of `other` behind what is here.
    void take_all(Ring& other) noexcept {
        if (other.empty()) return;
        RingLink& first = *other.end_.next();
        other.end_.unlink();  // the members stay a ring, now without an end
        end_.join(first);
    }

private:
    class End final : public RingLink {};
    End end_;
};

}  // namespace plait::detail
