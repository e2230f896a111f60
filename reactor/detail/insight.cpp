// What a ReactorCore tells about itself.
#include <algorithm>

#include <fmt/format.h>

#include "plait/deferred/type_name.hpp"
#include "plait/deferred/unhandled.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/detail/signal_delivery.hpp"
#include "plait/reactor/metrics.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/thread_pool.hpp"

namespace plait::detail {
namespace {

std::string counted(std::size_t count, const char* what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace

std::string Resource::describe() const {
    return readable_name(typeid(*this));
}

TurnWatch& ReactorCore::turn_watch() {
    if (watch_ == nullptr) {
        watch_ = std::make_unique<TurnWatch>();
        if (depth_ >= depth_of_a_call()) watch_->begins();  // the present call is to end as it began
    }
    return *watch_;
}

void ReactorCore::measure_turns(bool on) {
    turn_watch().measuring = on;
}

ReactorMetrics ReactorCore::metrics() {
    ReactorMetrics all;
    static_cast<ReactorCounters&>(all) = counters_;
    if (watch_ != nullptr) static_cast<ReactorHistograms&>(all) = watch_->histograms;
    all.timed_calls_pending = reactor_.pending_calls();
    all.soon_calls_pending = soon_calls_.size();
    all.thread_calls_pending = thread_calls_.size();
    resources_.for_each([&](const Resource& open) {
        ++all.resources_open;
        all.bytes_queued += open.bytes_queued();
    });
    if (thread_pool_ != nullptr) {
        all.pool_threads = thread_pool_->threads();
        all.pool_queued = thread_pool_->queued();
        all.pool_queue = thread_pool_->queue_lengths();
    }
    all.unhandled_failures = unhandled_failure_count();
    return all;
}

std::string ReactorCore::dump() {
    std::string text;
    if (const std::size_t timed = reactor_.pending_calls(); timed > 0) {
        const Duration left = std::max(reactor_.next_deadline() - reactor_.now(), Duration::zero());
        text += fmt::format("  {}, the first due in {:.3f} s\n", counted(timed, "timed call"),
                            std::chrono::duration<double>(left).count());
    }
    if (!soon_calls_.empty()) text += "  " + counted(soon_calls_.size(), "soon call") + "\n";
    if (const std::size_t posted = thread_calls_.size(); posted > 0)
        text += "  " + counted(posted, "call") + " from other threads\n";
    if (thread_pool_ != nullptr && thread_pool_->queued() > 0)
        text += "  " + counted(thread_pool_->queued(), "piece") + " of work for the thread pool\n";
    resources_.for_each([&](const Resource& open) { text += "  " + open.describe() + "\n"; });
    if (signals_ != nullptr) text += signals_->describe();
    if (text.empty()) return "this reactor waits for nothing: no timed calls, nothing open\n";
    return "this reactor waits for:\n" + text;
}

}  // namespace plait::detail
