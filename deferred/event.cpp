#include "plait/deferred/event.hpp"

#include "plait/deferred/detail/waiting_line.hpp"
#include "plait/deferred/errors.hpp"

namespace plait {

/// Kept by set() for as long as it is at work.
class DeferredEvent::State {
public:
    bool is_set() const noexcept { return set_; }
    std::size_t waiting() const noexcept { return line_.size(); }
    void clear() noexcept { set_ = false; }

    Deferred<> wait(SourceLocation made) {
        if (set_) return succeed();
        if (closed_) return fail<>(Destroyed("DeferredEvent"), made);
        return line_.join(joined_++, [] {}, made);
    }

    static void set(const std::shared_ptr<State>& state) {
        if (state->set_) return;
        state->set_ = true;
        state->let_through_ = state->joined_;
        if (state->firing_) return;  // the loop below, further up the stack, goes on
        const std::shared_ptr<State> keep = state;
        keep->firing_ = true;
        while (keep->first_goes_through())
            keep->line_.leave_first().callback();
        keep->firing_ = false;
    }

    void close() {
        closed_ = true;
        while (first_goes_through())
            line_.leave_first().callback();
        if (line_.empty()) return;
        const Failure gone = make_failure(Destroyed("DeferredEvent"));
        while (!line_.empty())
            line_.leave_first().errback(gone);
    }

private:
    bool first_goes_through() const noexcept { return !line_.empty() && line_.first_number() < let_through_; }

    detail::WaitingLine<Unit> line_;
    std::size_t joined_ = 0;
    std::size_t let_through_ = 0;  // those who joined before this one
    bool set_ = false;
    bool firing_ = false;
    bool closed_ = false;
};

DeferredEvent::DeferredEvent() : state_(std::make_shared<State>()) {}

DeferredEvent::~DeferredEvent() {
    state_->close();
}

void DeferredEvent::set() {
    State::set(state_);
}

void DeferredEvent::clear() noexcept {
    state_->clear();
}

bool DeferredEvent::is_set() const noexcept {
    return state_->is_set();
}

Deferred<> DeferredEvent::wait(SourceLocation made) {
    return state_->wait(made);
}

std::size_t DeferredEvent::waiting() const noexcept {
    return state_->waiting();
}

}  // namespace plait
