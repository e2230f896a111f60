// What a wait for several Deferreds keeps: the parts, how many are missing, and the Promise of the whole.
// Not what is made of their outcomes; that is each kind's own (race_state.hpp, list_state.hpp).
//
// Owned by the canceller of the whole, so it ends when that is fired or dropped; once fired, by itself where the others
// run on.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/detail/counted.hpp"
#include "plait/deferred/group.hpp"

namespace plait::detail {

Failure first_error(std::size_t index, Failure failure) noexcept;

struct GroupRules {
    Others others = Others::cancel;
    bool consume_errors = true;
};

class GroupState : public Counted {
public:
    /// Nothing is fired before.
    void all_taken();
    void cancel_all();

protected:
    GroupState(std::size_t count, GroupRules rules);
    ~GroupState() override;

    /// Takes one part over. `record(Slot<T>&)` keeps its outcome, and tells whether that decides the whole's; it is not
    /// called for those that end afterwards. It throws nothing.
    template <typename T, typename Record>
    void take(Deferred<T> part, Record record) {
        parts_.push_back(Access::append<Unit>(part, Part<Record>{this, record}, SourceLocation::current()));
    }

    /// The whole will fail with it; says so as `record` does.
    bool decide(Failure failure) noexcept;
    /// A Failure that the whole does not hand on.
    void ignore(const Failure& failure) const noexcept;
    bool cancelled() const noexcept { return cancelled_; }

    /// Also first in each destructor: a canceller may still end another part, whose outcome has its place there.
    void drop_parts() noexcept;

    virtual bool wanted() const noexcept = 0;
    /// Fires the whole with what has been recorded.
    virtual void succeed() = 0;
    virtual void fail(Failure failure) noexcept = 0;
    /// Null once it is fired.
    virtual const Core* whole() const noexcept = 0;

private:
    template <typename Record>
    struct Part {
        GroupState* group;
        Record record;

        template <typename T>
        void run(Slot<T>& in, Slot<Unit>& out) noexcept {
            out.set_value();
            bool decides = false;
            if (!group->decided_) {
                decides = record(in);
            } else if (in.is_failure()) {
                group->ignore(in.failure());
            }
            group->ended(decides);
        }
    };

    void ended(bool decides) noexcept;
    void go_on() noexcept;
    void finish() noexcept;
    void cancel_parts() noexcept;
    void trace_parts() const noexcept;

    std::vector<Deferred<>> parts_;
    std::size_t missing_;
    GroupRules rules_;
    std::optional<Failure> failure_;
    Ref<GroupState> itself_;  // while the others run on
    bool held_ = true;        // taking parts, cancelling or dropping them
    bool decided_ = false;
    bool finished_ = false;
    bool cancelled_ = false;
};

template <typename T>
class GroupOf : public GroupState {
public:
    using Whole = T;

    /// The Deferred that owns `state`. When it is dropped its canceller does nothing: then the state goes with it, and
    /// drops the parts.
    static Deferred<T> start(GroupOf& state, SourceLocation made) {
        auto [whole, promise] = make_deferred<T>(
            [owned = Ref<GroupOf>(&state)](Promise<T>& answer) {
                if (answer.wanted()) owned->cancel_all();
            },
            made);
        state.promise_ = std::move(promise);
        return std::move(whole);
    }

protected:
    using GroupState::GroupState;
    ~GroupOf() override = default;

    void fire(Slot<T>& outcome) noexcept { Access::fire_with(std::move(promise_), outcome); }

private:
    bool wanted() const noexcept override { return promise_.wanted(); }
    const Core* whole() const noexcept override { return Access::core(promise_); }
    void fail(Failure failure) noexcept override {
        auto firing = std::move(promise_);
        firing.errback(std::move(failure));
    }

    Promise<T> promise_;
};

}  // namespace plait::detail
