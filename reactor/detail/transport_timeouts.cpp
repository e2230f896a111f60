#include "plait/reactor/detail/transport_timeouts.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace plait::detail {
namespace {

constexpr int looks_in_a_limit = 4;
constexpr Duration shortest_step = std::chrono::milliseconds(1);

std::string seconds(Duration time) {
    return fmt::format("{} s", std::chrono::duration<double>(time).count());
}

}  // namespace

void TransportTimeouts::Limit::set(Duration to, TimePoint now, std::uint64_t counter, bool counts) noexcept {
    limit = std::max(to, Duration::zero());
    since = now;
    seen = counter;
    counting = counts;
}

bool TransportTimeouts::Limit::look(TimePoint now, std::uint64_t counter, bool counts) noexcept {
    if (limit == Duration::zero()) return false;
    if (!counts || !counting || counter != seen) {
        set(limit, now, counter, counts);
        return false;
    }
    return now - since >= limit;
}

TimePoint TransportTimeouts::Limit::next_look(TimePoint now) const noexcept {
    if (limit == Duration::zero()) return TimePoint::max();
    return now + std::max(shortest_step, std::min(limit / looks_in_a_limit, limit - (now - since)));
}

void TransportTimeouts::set_idle(Duration limit) {
    const Traffic traffic = look_();
    const TimePoint now = clock_.now();
    idle_.set(limit, now, traffic.received + traffic.sent, true);
    schedule(now);
}

void TransportTimeouts::set_write(Duration limit) {
    const Traffic traffic = look_();
    const TimePoint now = clock_.now();
    write_.set(limit, now, traffic.sent, traffic.queued != 0);
    schedule(now);
}

void TransportTimeouts::look() {
    const Traffic traffic = look_();
    const TimePoint now = clock_.now();
    if (write_.look(now, traffic.sent, traffic.queued != 0))
        return expire(fmt::format("took none of {} queued bytes for {}", traffic.queued, seconds(write_.limit)));
    if (idle_.look(now, traffic.received + traffic.sent, true)) return expire("was idle for " + seconds(idle_.limit));
    schedule(now);
}

void TransportTimeouts::expire(const std::string& what) {
    auto expired = std::move(expired_);
    idle_.limit = write_.limit = Duration::zero();
    expired(what);
}

void TransportTimeouts::schedule(TimePoint now) {
    const TimePoint next = std::min(idle_.next_look(now), write_.next_look(now));
    timer_ = next == TimePoint::max() ? DelayedCall() : clock_.call_later(next - now, [this] { look(); });
}

}  // namespace plait::detail
