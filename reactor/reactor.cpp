#include "plait/reactor/reactor.hpp"

#include "plait/deferred/context.hpp"
#include "plait/reactor/detail/default_loop.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/detail/signal_delivery.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/metrics.hpp"

namespace plait {

Reactor::Reactor() {
    auto own = detail::make_default_loop();
    IOPS& loop = *own;
    core_ = std::make_unique<detail::ReactorCore>(*this, loop, std::move(own));
}

Reactor::Reactor(IOPS& loop) : core_(std::make_unique<detail::ReactorCore>(*this, loop, nullptr)) {}

Reactor::~Reactor() {
    core_->close();
}

void Reactor::run(RunOptions options) {
    core_->life().run(options.stop_on_signals);
}

void Reactor::stop() {
    core_->life().stop();
}

void Reactor::crash() noexcept {
    core_->life().crash();
}

void Reactor::iterate(Duration longest) {
    core_->life().iterate(longest);
}

bool Reactor::running() const noexcept {
    return core_->life().running();
}

bool Reactor::stopping() const noexcept {
    return core_->life().stopping();
}

int Reactor::stop_signal() const noexcept {
    return core_->life().stop_signal();
}

void Reactor::call_when_running(UniqueFunction<void()> function) {
    core_->life().call_when_running(std::move(function));
}

SystemEventTrigger Reactor::add_trigger(EventPhase phase, std::string_view event,
                                        UniqueFunction<Deferred<>()> function) {
    return core_->life().events().add(phase, event, std::move(function));
}

void Reactor::fire_system_event(std::string_view event) {
    core_->life().fire_custom(event);
}

TimePoint Reactor::now() const noexcept {
    return std::chrono::steady_clock::now();
}

void Reactor::call_soon(UniqueFunction<void()> function) {
    core_->call_soon(carry_context(std::move(function)));
}

void Reactor::call_from_thread(UniqueFunction<void()> function) {
    core_->call_from_thread(carry_context(std::move(function)));
}

ThreadPool& Reactor::thread_pool() {
    return core_->thread_pool();
}

SignalSubscription Reactor::on_signal(int signal_number, UniqueFunction<void(int)> handler) {
    return core_->signals().subscribe(signal_number, std::move(handler));
}

ReactorMetrics Reactor::metrics() const {
    return core_->metrics();
}

void Reactor::measure_turns(bool on) {
    core_->measure_turns(on);
}

std::string Reactor::dump() const {
    return core_->dump();
}

IOPS& Reactor::iops() noexcept {
    return core_->iops();
}

void Reactor::require_idle() const {
    core_->life().require_idle();
}

void Reactor::run_waiting() {
    core_->life().run_waiting();
}

void Reactor::end_waiting() noexcept {
    core_->life().end_waiting();
}

void Reactor::throw_stopped() {
    throw ReactorStopped("the reactor was stopped before the result it was run for had come");
}

void Reactor::deadline_changed() {
    core_->deadline_changed();
}

}  // namespace plait
