// A base for objects that several owners of one thread hold, and the owner's handle.
// Not std::shared_ptr: one allocation, a plain count, and `this` can be held from inside.
#pragma once

#include <cstdint>
#include <utility>

namespace plait::detail {

/// Made with one owner: see make_counted().
class Counted {
public:
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;

    void retain() noexcept { ++owners_; }
    void release() noexcept {
        if (--owners_ == 0) delete this;
    }

protected:
    Counted() noexcept = default;
    virtual ~Counted() = default;

private:
    std::uint32_t owners_ = 1;
};

template <typename T>
class Ref {
public:
    Ref() noexcept = default;
    explicit Ref(T* object) noexcept : object_(object) { object_->retain(); }
    Ref(const Ref& other) noexcept : object_(other.object_) {
        if (object_ != nullptr) object_->retain();
    }
    Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    template <typename U>
    Ref(Ref<U>&& other) noexcept : object_(other.forget()) {}
    Ref& operator=(Ref other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~Ref() {
        if (object_ != nullptr) object_->release();
    }

    /// Takes over the owner that `object` was made with.
    static Ref adopt(T* object) noexcept {
        Ref made;
        made.object_ = object;
        return made;
    }
    T* forget() noexcept { return std::exchange(object_, nullptr); }

    T* get() const noexcept { return object_; }
    T& operator*() const noexcept { return *object_; }
    T* operator->() const noexcept { return object_; }
    explicit operator bool() const noexcept { return object_ != nullptr; }

private:
    T* object_ = nullptr;
};

template <typename T, typename... Args>
Ref<T> make_counted(Args&&... args) {
    return Ref<T>::adopt(new T(std::forward<Args>(args)...));
}

}  // namespace plait::detail
