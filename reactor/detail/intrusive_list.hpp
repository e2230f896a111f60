// IntrusiveList: a list whose links live in its elements: no allocation, O(1) leave. Not an owner of them.
#pragma once

namespace plait::detail {

/// Derive from it, once for each kind of list an object may be in. Leaves its list when destroyed.
template <typename Tag>
class ListHook {
public:
    ListHook() noexcept = default;
    ListHook(const ListHook&) = delete;
    ListHook& operator=(const ListHook&) = delete;

    bool linked() const noexcept { return next_ != this; }

    void unlink() noexcept {
        previous_->next_ = next_;
        next_->previous_ = previous_;
        previous_ = next_ = this;
    }

protected:
    ~ListHook() { unlink(); }

private:
    template <typename, typename>
    friend class IntrusiveList;

    void link_before(ListHook& other) noexcept {
        previous_ = other.previous_;
        next_ = &other;
        previous_->next_ = this;
        other.previous_ = this;
    }

    ListHook* previous_ = this;
    ListHook* next_ = this;
};

template <typename T, typename Tag>
class IntrusiveList {
public:
    ~IntrusiveList() {
        while (!empty())
            pop_front();
    }

    bool empty() const noexcept { return !head_.linked(); }

    /// Appends `element`, taking it out of the list it is in.
    void push_back(T& element) noexcept {
        ListHook<Tag>& hook = element;
        hook.unlink();
        hook.link_before(head_);
    }

    /// Precondition: not empty.
    T& front() noexcept { return static_cast<T&>(*head_.next_); }

    T& pop_front() noexcept {
        T& element = front();
        static_cast<ListHook<Tag>&>(element).unlink();
        return element;
    }

    template <typename F>
    void for_each(F&& look) const {
        for (const ListHook<Tag>* hook = head_.next_; hook != &head_; hook = hook->next_)
            look(static_cast<const T&>(*hook));
    }

    /// Takes over all elements of `other`, in order, after those here.
    void splice_back(IntrusiveList& other) noexcept {
        if (other.empty()) return;
        ListHook<Tag>* first = other.head_.next_;
        ListHook<Tag>* last = other.head_.previous_;
        other.head_.next_ = other.head_.previous_ = &other.head_;
        first->previous_ = head_.previous_;
        last->next_ = &head_;
        head_.previous_->next_ = first;
        head_.previous_ = last;
    }

private:
    struct Head : ListHook<Tag> {};
    Head head_;
};

}  // namespace plait::detail
