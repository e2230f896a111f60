// What the copies of a SharedDeferred and its waiting branches own together. Knows no types.
// Not for users; share.hpp is the face.
#pragma once

#include <list>
#include <memory>
#include <optional>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/detail/counted.hpp"

namespace plait::detail {

class SharedState final : public Counted {
public:
    explicit SharedState(SourceLocation made) noexcept : made_(made) {}
    ~SharedState() override;

    template <typename T>
    void follow(Deferred<T> source) {
        source_ = Access::append<Unit>(source, Settle{this}, made_);
    }

    /// Fires when the value is here, or fails as the source did. While it waits it is one of the owners.
    Deferred<> wait(SourceLocation made);
    void cancel();
    bool ready() const noexcept { return value_ != nullptr || failure_; }
    /// Null before a wait() has fired.
    const std::shared_ptr<const void>& value() const noexcept { return value_; }

private:
    struct Settle {
        SharedState* state;

        template <typename T>
        void run(Slot<T>& in, Slot<Unit>& out) noexcept {
            out.set_value();
            if (in.is_failure()) return state->fail(std::move(in.failure()));
            try {
                state->succeed(std::make_shared<const T>(std::move(in.value())));
            } catch (...) {
                state->fail(Failure::current());
            }
        }
    };

    void succeed(std::shared_ptr<const void> value) noexcept;
    void fail(Failure failure) noexcept;
    void tell() noexcept;

    SourceLocation made_;
    std::list<Promise<>> waiting_;
    std::shared_ptr<const void> value_;
    std::optional<Failure> failure_;
    bool telling_ = false;
    bool told_ = false;
    Deferred<> source_;
};

}  // namespace plait::detail
