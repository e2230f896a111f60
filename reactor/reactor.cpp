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

void Reactor::run() {
    core_->run();
}

void Reactor::stop() {
    core_->stop();
}

bool Reactor::running() const noexcept {
    return core_->running();
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

void Reactor::require_stopped() const {
    core_->require_stopped();
}

void Reactor::throw_stopped() {
    throw ReactorStopped("the reactor was stopped before the result it was run for had come");
}

void Reactor::deadline_changed() {
    core_->deadline_changed();
}

}  // namespace plait
