// Ring: a queue in one block of memory that is kept. Not a std::deque, which frees and allocates as it moves along.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace plait::zk::detail {

/// First in, first out. Grows by doubling and never shrinks: in steady state pushing allocates nothing.
/// T must be default-constructible and cheap to leave in its moved-from state.
template <typename T>
class Ring {
public:
    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }

    T& front() noexcept { return slots_[head_]; }
    T& operator[](std::size_t index) noexcept { return slots_[(head_ + index) & (slots_.size() - 1)]; }

    void push_back(T value) {
        if (size_ == slots_.size()) grow();
        slots_[(head_ + size_) & (slots_.size() - 1)] = std::move(value);
        ++size_;
    }

    T pop_front() {
        T value = std::move(slots_[head_]);
        drop_front();
        return value;
    }

    /// Takes away all but the first `size`.
    void truncate(std::size_t size) {
        while (size_ > size) {
            --size_;
            (*this)[size_] = T();
        }
    }

private:
    static constexpr std::size_t first_size = 16;

    void drop_front() noexcept {
        head_ = (head_ + 1) & (slots_.size() - 1);
        --size_;
    }

    void grow() {
        std::vector<T> larger(slots_.empty() ? first_size : slots_.size() * 2);
        for (std::size_t i = 0; i < size_; ++i)
            larger[i] = std::move((*this)[i]);
        slots_ = std::move(larger);
        head_ = 0;
    }

    std::vector<T> slots_;  // a power of two of them
    std::size_t head_ = 0;
    std::size_t size_ = 0;
};

}  // namespace plait::zk::detail
