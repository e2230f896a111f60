// What the handles of an AsyncResult share: its core and room for the value.
// Not for users; async_result.hpp is the face.
#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "plait/deferred/detail/async_core.hpp"

namespace plait {
template <typename T>
class AsyncResult;
}  // namespace plait

namespace plait::detail {

using AsyncCorePtr = std::shared_ptr<AsyncCore>;

template <typename T>
class AsyncState final : public AsyncCore {
    static_assert(std::is_object_v<T> && !std::is_const_v<T> && !std::is_array_v<T>,
                  "AsyncResult<T>: T must be a plain value type");
    static_assert(std::is_move_constructible_v<T>, "AsyncResult<T>: T must be movable");

public:
    using AsyncCore::AsyncCore;
    ~AsyncState() override = default;

    void set(T given) {
        claim();
        try {
            value.emplace(std::move(given));
        } catch (...) {
            return publish(std::current_exception());
        }
        publish(nullptr);
    }

    const T& get(bool block, Timeout timeout) const {
        require_value(block, timeout);
        return *value;
    }

    T copy(bool block, Timeout timeout) const {
        static_assert(std::is_copy_constructible_v<T>,
                      "keep the AsyncResult in a variable before get(): its value goes with the last handle, and "
                      "cannot be copied");
        return get(block, timeout);
    }

    std::optional<T> value;
};

struct AsyncAccess {
    template <typename T>
    static std::weak_ptr<AsyncState<T>> weak(const AsyncResult<T>& result) noexcept {
        return result.state_;
    }
};

}  // namespace plait::detail
