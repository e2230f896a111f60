#include "plait/couch_async/detail/row_pump.hpp"

#include <utility>

namespace plait::couch_async::detail {

RowPump::RowPump(Clock& clock, const ViewOptions& options, Sink& sink)
    : clock_(clock), sink_(sink), bound_(options.batch), delay_(options.batch_delay), splitter_(options.limits) {}

void RowPump::feed(Bytes piece) {
    if (over_) return;
    splitter_.feed(std::move(piece));
    advance();
}

void RowPump::finish() {
    if (over_) return;
    input_over_ = true;
    splitter_.finish();
    advance();
}

void RowPump::fail(Failure failure) {
    if (over_) return;
    input_over_ = true;
    failure_ = std::move(failure);
    advance();
}

void RowPump::pause() {
    paused_ = true;
    tell_wants();
}

void RowPump::resume() {
    paused_ = false;
    advance();
}

void RowPump::stop() noexcept {
    over_ = true;
    delay_timer_.cancel();
    handling_ = Deferred<>();
    batch_ = Rows();
}

void RowPump::advance() {
    if (advancing_) return;
    const auto self = shared_from_this();
    advancing_ = true;
    while (step()) {
    }
    advancing_ = false;
    tell_wants();
}

void RowPump::tell_wants() {
    const bool wanted = !paused_ && !handling_.valid() && !over_ && !input_over_;
    if (over_ || wanted == wanted_) return;
    wanted_ = wanted;
    sink_.pump_wants(wanted);
}

/// Whether there may be more to do at once.
bool RowPump::step() {
    if (over_ || paused_ || handling_.valid()) return false;
    switch (splitter_.take(batch_, bound_)) {
        case Split::more:
            deliver();
            return true;
        case Split::hungry:
            return hungry();
        case Split::done:
            if (batch_.empty()) {
                conclude(std::nullopt);
            } else {
                deliver();
            }
            return true;
        case Split::failed:
            if (batch_.empty()) {
                conclude(make_failure(splitter_.error()));
            } else {
                deliver();
            }
            return true;
    }
    return false;
}

bool RowPump::hungry() {
    if (failure_ && splitter_.complete()) {
        // Every row and the whole envelope are here: what the connection did afterwards takes nothing away.
        failure_.reset();
        splitter_.finish();
        return true;
    }
    if (batch_.empty()) {
        if (!failure_) return false;
        conclude(std::move(failure_));
        return true;
    }
    if (!failure_ && !delay_passed_) {
        // Even without a delay not at once: the rest of what the socket had may come in this very turn.
        if (!delay_timer_.active()) {
            delay_timer_ = clock_.call_later(delay_, [this] {
                delay_passed_ = true;
                advance();
            });
        }
        return false;
    }
    deliver();
    return true;
}

void RowPump::deliver() {
    delay_timer_.cancel();
    delay_passed_ = false;
    rows_ += batch_.size();
    Deferred<> result = sink_.pump_rows(std::exchange(batch_, Rows()));
    if (over_ || !result.valid()) return;
    if (result.ready()) return handled(result.take());
    handling_ = std::move(result).add_both([this](const Result<>& outcome) {
        const auto self = shared_from_this();
        handling_ = Deferred<>();
        handled(outcome);
        advance();
    });
}

void RowPump::handled(const Result<>& result) {
    if (!result.has_value()) conclude(result.failure());
}

void RowPump::conclude(std::optional<Failure> failure) {
    stop();
    sink_.pump_ended(std::move(failure));
}

}  // namespace plait::couch_async::detail
