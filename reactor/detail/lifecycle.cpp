#include "plait/reactor/detail/lifecycle.hpp"

#include <memory>
#include <optional>
#include <utility>

#include "plait/deferred/contain.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/detail/signal_delivery.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait::detail {

namespace {
constexpr const char* startup = "startup";
constexpr const char* shutdown = "shutdown";

/// Tells the threads that wait for calls, once nothing that they have called is on the stack any more.
class EndOfCalls final : public Doomed {
public:
    explicit EndOfCalls(std::shared_ptr<ThreadMailbox> mailbox) noexcept : mailbox_(std::move(mailbox)) {}
    EndOfCalls(const EndOfCalls&) = delete;
    EndOfCalls& operator=(const EndOfCalls&) = delete;
    ~EndOfCalls() override { mailbox_->end_running(); }

private:
    std::shared_ptr<ThreadMailbox> mailbox_;
};
}  // namespace

/// While the loop below is run from here. A loop that throws is left.
class Lifecycle::InLoop {
public:
    explicit InLoop(Lifecycle& life) noexcept : life_(life) { life_.in_loop_ = true; }
    InLoop(const InLoop&) = delete;
    InLoop& operator=(const InLoop&) = delete;
    ~InLoop() {
        life_.in_loop_ = false;
        if (!returned) life_.crash();
        if (life_.state_ == State::idle) life_.core_.mailbox()->end_running();  // no turn is left to tell them
    }

    bool returned = false;

private:
    Lifecycle& life_;
};

void Lifecycle::require_idle() const {
    if (state_ != State::idle || in_loop_ || core_.in_turn())
        throw ReactorAlreadyRunning("a reactor was run that runs already, or from inside one of its own callbacks");
}

void Lifecycle::enter(State as) {
    core_.mailbox()->begin_running();
    state_ = as;
    stop_asked_ = false;
}

void Lifecycle::leave() noexcept {
    state_ = State::idle;
    running_ = false;
    stop_asked_ = false;
    signals_.clear();
    if (core_.in_turn() && !core_.closing()) {
        // What a thread waits for may be on the stack above.
        contain([this] { core_.destroy_later(std::make_unique<EndOfCalls>(core_.mailbox())); });
    } else {
        core_.mailbox()->end_running();
    }
    if (in_loop_) core_.iops().stop_watching();
}

void Lifecycle::run(bool stop_on_signals) {
    require_idle();
    stop_signal_ = 0;
    enter(State::starting);
    {
        const ReactorCore::Turn turn(core_);
        events_.fire(startup, {.begin_during = [this, stop_on_signals] { started(stop_on_signals); }});
    }
    if (state_ != State::idle) watch();
}

void Lifecycle::watch() {
    InLoop loop(*this);
    core_.iops().start_watching();
    // Not left by us: the loop is run by others, and so are we, until stop().
    loop.returned = true;
}

void Lifecycle::started(bool stop_on_signals) {
    state_ = State::started;
    running_ = true;
    if (!stop_on_signals) return;
    for (const int number : signals_that_stop())
        signals_.push_back(core_.signals().subscribe(number, [this](int got) { signalled(got); }));
}

void Lifecycle::signalled(int number) {
    // From here on the signals have their default actions again: a second one ends a shutdown that hangs.
    signals_.clear();
    stop_signal_ = number;
    if (!stop_asked_) stop();
}

void Lifecycle::stop() {
    if (state_ == State::idle) throw ReactorNotRunning("a reactor was stopped that does not run");
    if (stop_asked_) throw ReactorNotRunning("a reactor was stopped that is stopping already");
    stop_asked_ = true;
    if (state_ == State::waiting) return core_.iops().stop_watching();
    core_.call_soon([this] { shut_down(); });
}

void Lifecycle::shut_down() {
    if (!stop_asked_ || state_ == State::stopping) return;  // a crash came first
    if (state_ == State::starting) events_.abandon(startup);
    state_ = State::stopping;
    events_.fire(shutdown, {.end_during = [this] { close_everything(); }, .end = [this] { leave(); }});
}

void Lifecycle::close_everything() {
    running_ = false;
    core_.mailbox()->end_running();  // first: threads that wait for us could not end
    core_.close_resources();
    core_.stop_threads();
}

void Lifecycle::crash() noexcept {
    if (state_ == State::idle) return;
    leave();
    events_.abandon(startup);
    events_.abandon(shutdown);
}

void Lifecycle::iterate(Duration longest) {
    require_idle();
    struct LastTurn {
        ~LastTurn() { core.end_loop_with_a_turn(std::nullopt); }
        ReactorCore& core;
    };
    core_.end_loop_with_a_turn(longest);
    const LastTurn last_turn{core_};
    InLoop loop(*this);
    core_.iops().start_watching();
    loop.returned = true;
}

void Lifecycle::run_waiting() {
    enter(State::waiting);
    running_ = true;
    struct Leave {
        ~Leave() {
            life.in_loop_ = false;
            if (life.state_ == State::waiting) life.leave();
        }
        Lifecycle& life;
    };
    const Leave leave_after{*this};
    in_loop_ = true;
    core_.iops().start_watching();
}

void Lifecycle::end_waiting() noexcept {
    if (in_loop_) core_.iops().stop_watching();
}

void Lifecycle::call_when_running(UniqueFunction<void()> function) {
    if (running_) return function();
    auto call = [function = std::move(function)]() mutable {
        function();
        return succeed();
    };
    events_.add(EventPhase::after, startup, std::move(call)).detach();
}

void Lifecycle::fire_custom(std::string_view event) {
    if (event == startup || event == shutdown)
        throw InvalidState("the system event \"" + std::string(event) + "\" is fired by run() and stop() only");
    const ReactorCore::Turn turn(core_);
    events_.fire(event, {});
}

void Lifecycle::close() noexcept {
    crash();
    events_.close();
}

}  // namespace plait::detail
