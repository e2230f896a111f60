#include "plait/reactor/detail/reactor_core.hpp"

#include <algorithm>
#include <cassert>

#include "plait/deferred/contain.hpp"
#include "plait/deferred/context.hpp"
#include "plait/reactor/detail/signal_delivery.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/thread_pool.hpp"

namespace plait::detail {

namespace {

// No loop below needs to count further than a day; the timer is then set again.
constexpr std::chrono::microseconds longest_wait = std::chrono::hours(24);
// Room kept from turn to turn; what a larger burst took is given back.
constexpr std::size_t most_spare_calls = 16 * 1024;

/// Of those open now; what they open stays. All of them before anything is flushed: where both ends of a connection are
/// ours, the second would else send into what the first has closed, and hear of that instead.
void end_each_of(IntrusiveList<Resource, ResourceTag>& resources, void (Resource::*end)() noexcept) noexcept {
    IntrusiveList<Resource, ResourceTag> open;
    open.splice_back(resources);
    while (!open.empty())
        (open.pop_front().*end)();
}

}  // namespace

ReactorCore::ReactorCore(Reactor& reactor, IOPS& loop, std::unique_ptr<IOPS> own)
    : reactor_(reactor),
      own_loop_(std::move(own)),
      loop_(loop),
      timer_(loop.timer_event_factory(*this)),
      thread_calls_(loop, [this] { run_thread_calls(); }) {
    loop_.watch_passes(this);
}

ReactorCore::~ReactorCore() {
    assert(depth_ == 0 && !life_.in_loop() && "a Reactor was destroyed from one of its own callbacks");
    loop_.watch_passes(nullptr);
    contain([this] {
        if (timer_->state() == Event::State::active) loop_.update_timer(*timer_, EventAction::unwatch, {});
        timer_->set_state(Event::State::initialized);
        loop_.update_timer(*timer_, EventAction::cleanup, {});
    });
    timer_->set_state(Event::State::freed);
}

void ReactorCore::close() noexcept {
    // Whoever runs the loop may end the reactor between two of our events of one pass: that is no callback of ours.
    if (in_pass_ && depth_ == 1) pass_ends();
    closing_ = true;
    life_.close();
    signals_.reset();
    thread_calls_.close();
    if (thread_pool_ != nullptr) thread_pool_->stop();
    {
        const Calls dropped = std::move(soon_calls_);
    }
    reactor_.drop_calls();
    // Most need one round; a child process waits for its pipes, and ends behind them. Nothing is opened meanwhile.
    while (!resources_.empty()) {
        const Turn turn(*this);
        end_each_of(resources_, &Resource::reactor_destroyed);
    }
    while (doomed_ != nullptr)
        destroy_doomed();
    reactor_.drop_calls();  // what the losses set
}

void ReactorCore::destroy_later(std::unique_ptr<Doomed> object) noexcept {
    object->next_doomed_ = doomed_;
    doomed_ = object.release();
    need_end_of_turn();
}

void ReactorCore::call_soon(UniqueFunction<void()> function) {
    if (closing_) return;
    soon_calls_.push_back(std::move(function));
    need_end_of_turn();
}

ThreadPool& ReactorCore::thread_pool() {
    if (thread_pool_ == nullptr) thread_pool_ = std::make_unique<ThreadPool>();
    if (closing_) {
        thread_pool_->stop();
    } else if (std::exchange(threads_stopped_, false)) {
        thread_pool_->start();
    }
    return *thread_pool_;
}

void ReactorCore::stop_threads() noexcept {
    if (thread_pool_ == nullptr) return;
    thread_pool_->stop();
    threads_stopped_ = true;
}

void ReactorCore::close_resources() noexcept {
    flush();
    end_each_of(resources_, &Resource::reactor_stopped);
    flush();  // what ends behind others: child processes that have exited
}

void ReactorCore::end_loop_with_a_turn(std::optional<Duration> longest) noexcept {
    last_turn_ = longest.has_value();
    if (!longest) return;
    work_ = true;  // so that the turn has an end
    arm(*longest > Duration::zero() ? reactor_.now() + std::min<Duration>(*longest, longest_wait) : TimePoint::min());
}

SignalDelivery& ReactorCore::signals() {
    if (signals_ == nullptr) signals_ = std::make_unique<SignalDelivery>(*this);
    return *signals_;
}

void ReactorCore::deadline_changed() noexcept {
    work_ = true;
    if (depth_ == 0) arm(reactor_.next_deadline());
}

void ReactorCore::event_ready(IOFlags) noexcept {
    const Turn turn(*this);
    armed_for_ = TimePoint::max();
    timer_->set_state(Event::State::initialized);
    work_ = true;  // the timer is set again at the end, whatever happens until then
    doing("timed and soon calls");
    // Looked at before the soon calls are made: what they set without delay is due later, and so for a later turn.
    const TimePoint now = reactor_.now();
    if (watch_ != nullptr && watch_->measuring && reactor_.next_deadline() <= now)
        watch_->histograms.timer_lag.record(now - reactor_.next_deadline());
    const std::size_t soon = make_calls([this](Calls& calls) { calls.swap(soon_calls_); });
    counters_.soon_calls += soon;
    measure_queue(&ReactorHistograms::soon_calls_queue, soon);
    std::size_t due = 0;
    contain([&] { due = reactor_.run_due_calls(now); });
    counters_.timed_calls += due;
    measure_queue(&ReactorHistograms::timed_calls_queue, due);
}

void ReactorCore::run_thread_calls() {
    const Turn turn(*this);
    doing("calls from other threads");
    const std::size_t posted = make_calls([this](Calls& calls) { thread_calls_.take(calls); });
    counters_.thread_calls += posted;
    measure_queue(&ReactorHistograms::thread_calls_queue, posted);
}

void ReactorCore::measure_queue(CountHistogram ReactorHistograms::* queue, std::size_t length) noexcept {
    if (watch_ == nullptr || !watch_->measuring || length == 0) return;
    (watch_->histograms.*queue).record(length);
}

template <typename Take>
std::size_t ReactorCore::make_calls(Take take) noexcept {
    const ContextScope outside{Context()};  // whoever runs the loop may be in one
    Calls calls = std::move(spare_calls_);
    take(calls);
    for (UniqueFunction<void()>& call : calls) {
        contain(call);
        call.reset();
    }
    const std::size_t made = calls.size();
    calls.clear();
    if (calls.capacity() <= most_spare_calls) spare_calls_ = std::move(calls);
    return made;
}

void ReactorCore::flush() noexcept {
    IntrusiveList<Flushable, FlushTag> now;
    now.splice_back(flushes_);
    while (!now.empty())
        now.pop_front().flush();
}

void ReactorCore::end_turn() noexcept {
    work_ = false;
    flush();
    destroy_doomed();
    if (last_turn_) [[unlikely]]
        loop_.stop_watching();
    if (soon_calls_.empty() && flushes_.empty() && doomed_ == nullptr) {
        arm(reactor_.next_deadline());
    } else {
        work_ = true;
        arm(TimePoint::min());
    }
}

/// A call of its own to who watches: producers and waiters are called from it.
void ReactorCore::end_pass() noexcept {
    ++depth_;  // what is called from inside it is no other call
    if (watch_ != nullptr) watch_->begins();
    doing("what the end of a turn sends");
    end_turn();
    if (watch_ != nullptr) watch_->ends();
    --depth_;
}

void ReactorCore::destroy_doomed() noexcept {
    for (Doomed* doomed = std::exchange(doomed_, nullptr); doomed != nullptr;) {
        const std::unique_ptr<Doomed> object(doomed);
        doomed = object->next_doomed_;
    }
}

void ReactorCore::arm(TimePoint wanted) noexcept {
    // A timer that is due too early is left alone: it finds nothing to do and is set again. Deadlines that come and go
    // before it, as time limits do, thus cost the loop below nothing.
    if (wanted >= armed_for_ || closing_) return;
    std::chrono::microseconds delay{0};
    if (wanted != TimePoint::min()) {
        const Duration left = std::max(wanted - reactor_.now(), Duration::zero());
        delay = std::min(std::chrono::ceil<std::chrono::microseconds>(left), longest_wait);
    }
    armed_for_ = wanted;
    contain([&] { loop_.update_timer(*timer_, EventAction::watch, delay); });
    timer_->set_state(Event::State::active);
}

}  // namespace plait::detail
