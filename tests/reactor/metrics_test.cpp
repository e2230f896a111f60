#define BOOST_TEST_MODULE metrics
#include <algorithm>
#include <future>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "plait/deferred/testing/caught_reports.hpp"
#include "plait/reactor/metrics.hpp"
#include "plait/reactor/thread_pool.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"

namespace plait::testing {
namespace {

using namespace std::chrono_literals;

bool has_line(const std::string& text, const std::string& wanted) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (line == wanted) return true;
    return false;
}

BOOST_AUTO_TEST_CASE(a_histogram_counts_durations_in_buckets_that_double) {
    Histogram histogram;
    for (const Duration taken : {0ns, 1ns, 1023ns, 1024ns, Duration(-5)})
        histogram.record(taken);
    BOOST_TEST(histogram.in_bucket(0) == 2U);
    BOOST_TEST(histogram.in_bucket(1) == 1U);
    BOOST_TEST(histogram.in_bucket(10) == 1U);
    BOOST_TEST(histogram.in_bucket(11) == 1U);
    BOOST_TEST(histogram.count() == 5U);
    BOOST_CHECK(histogram.sum() == 2048ns);
    BOOST_CHECK(histogram.longest() == 1024ns);
    BOOST_CHECK(Histogram::bucket_end(10) == 1024ns);
}

BOOST_AUTO_TEST_CASE(the_last_bucket_takes_what_is_longer_than_all) {
    Histogram histogram;
    histogram.record(std::chrono::hours(24 * 365));
    BOOST_TEST(histogram.in_bucket(Histogram::bucket_count - 1) == 1U);
}

BOOST_AUTO_TEST_CASE(a_quantile_is_right_to_within_its_bucket) {
    Histogram histogram;
    BOOST_CHECK(histogram.quantile(0.5) == 0ns);
    for (int i = 0; i < 99; ++i)
        histogram.record(1us);
    histogram.record(1s);
    BOOST_CHECK(histogram.quantile(0.5) > 500ns && histogram.quantile(0.5) <= 1024ns);
    BOOST_CHECK(histogram.quantile(1.0) == 1s);
    BOOST_CHECK(histogram.quantile(0.999) > 500ms);
}

BOOST_AUTO_TEST_CASE(connections_and_their_bytes_are_counted) {
    TcpFixture world;
    world.prepare = TcpFixture::echo;
    const auto client = world.connect_and_accept();
    client->transport().write("hello");
    world.wait([&] { return client->received.size() == 5; });

    ReactorMetrics metrics = world.reactor.metrics();
    BOOST_TEST(metrics.connections_made == 2U);
    BOOST_TEST(metrics.connections_lost == 0U);
    BOOST_TEST(metrics.bytes_sent == 10U);
    BOOST_TEST(metrics.bytes_received == 10U);
    BOOST_TEST(metrics.resources_open == 3U);  // two ends and the port

    client->transport().lose_connection();
    world.wait_lost(*client);
    world.wait_lost(*world.served.back());
    metrics = world.reactor.metrics();
    BOOST_TEST(metrics.connections_lost == 2U);
    BOOST_TEST(metrics.resources_open == 1U);
}

BOOST_AUTO_TEST_CASE(calls_are_counted_when_made_and_while_they_wait) {
    Reactor reactor;
    const DelayedCall later = reactor.call_later(1h, [] {});
    reactor.call_soon([] {});
    reactor.call_from_thread([] {});
    ReactorMetrics metrics = reactor.metrics();
    BOOST_TEST(metrics.timed_calls_pending == 1U);
    BOOST_TEST(metrics.soon_calls_pending == 1U);
    BOOST_TEST(metrics.thread_calls_pending == 1U);

    settle(reactor);
    metrics = reactor.metrics();
    BOOST_TEST(metrics.soon_calls_pending == 0U);
    BOOST_TEST(metrics.thread_calls_pending == 0U);
    BOOST_TEST(metrics.soon_calls == 1U);
    BOOST_TEST(metrics.thread_calls == 1U);
    BOOST_TEST(metrics.timed_calls == 5U);  // settle's own
    BOOST_TEST(metrics.turns >= 5U);
}

BOOST_AUTO_TEST_CASE(what_waits_to_be_sent_and_to_be_worked_on_is_counted) {
    TcpFixture world;
    const auto client = world.connect_and_accept();
    client->transport().write("never read");
    BOOST_TEST(world.reactor.metrics().bytes_queued == 10U);
    BOOST_TEST(world.reactor.metrics().pool_threads == 0U);

    std::promise<void> go_on;
    world.reactor.thread_pool().set_most_threads(1);
    world.reactor.thread_pool().call([going_on = go_on.get_future()]() mutable { going_on.wait(); });
    world.reactor.thread_pool().call([] {});
    BOOST_TEST(world.reactor.metrics().pool_threads == 1U);
    BOOST_TEST(world.reactor.metrics().pool_queued >= 1U);
    go_on.set_value();
    settle(world.reactor);
    BOOST_TEST(world.reactor.metrics().bytes_queued == 0U);
}

BOOST_AUTO_TEST_CASE(turns_are_measured_only_while_that_is_on) {
    Reactor reactor;
    settle(reactor);
    BOOST_TEST(reactor.metrics().turn_time.count() == 0U);

    reactor.measure_turns(true);
    DelayedCall slow = reactor.call_later(0s, [&] {
        const TimePoint end = reactor.now() + 5ms;
        while (reactor.now() < end) {
        }
    });
    settle(reactor);
    const ReactorMetrics metrics = reactor.metrics();
    BOOST_TEST(metrics.turn_time.count() > 0U);
    BOOST_CHECK(metrics.turn_time.longest() >= 5ms);
    BOOST_TEST(metrics.timer_lag.count() > 0U);

    reactor.measure_turns(false);
    settle(reactor);
    BOOST_TEST(reactor.metrics().turn_time.count() <= metrics.turn_time.count() + 1);
}

BOOST_AUTO_TEST_CASE(a_histogram_of_counts_has_the_zeros_in_the_first_bucket) {
    CountHistogram histogram;
    BOOST_TEST(histogram.quantile(0.5) == 0U);
    for (const std::uint64_t number : {0U, 0U, 0U, 1U, 2U, 3U, 1000U})
        histogram.record(number);
    BOOST_TEST(histogram.in_bucket(0) == 3U);
    BOOST_TEST(histogram.in_bucket(1) == 1U);
    BOOST_TEST(histogram.in_bucket(2) == 2U);
    BOOST_TEST(histogram.sum() == 1006U);
    BOOST_TEST(histogram.largest() == 1000U);
    BOOST_TEST(histogram.quantile(0.4) == 0U);
    BOOST_TEST(histogram.quantile(0.99) >= 512U);
    BOOST_TEST(histogram.quantile(1.0) == 1000U);
    histogram.record(~std::uint64_t{0});
    BOOST_TEST(histogram.in_bucket(CountHistogram::bucket_count - 1) == 1U);
}

BOOST_AUTO_TEST_CASE(the_lengths_of_queues_are_measured_when_they_are_emptied) {
    Reactor reactor;
    const auto ask_for = [&](int calls) {
        for (int i = 0; i < calls; ++i) {
            reactor.call_soon([] {});
            reactor.call_from_thread([] {});
            reactor.call_later(0s, [] {}).detach();
        }
    };
    ask_for(3);
    settle(reactor);
    BOOST_TEST(reactor.metrics().soon_calls_queue.count() == 0U);
    BOOST_TEST(reactor.metrics().thread_calls_queue.count() == 0U);
    BOOST_TEST(reactor.metrics().timed_calls_queue.count() == 0U);

    reactor.measure_turns(true);
    ask_for(5);
    settle(reactor);
    ask_for(2);
    settle(reactor);
    const ReactorMetrics metrics = reactor.metrics();
    BOOST_TEST(metrics.soon_calls_queue.largest() == 5U);
    BOOST_TEST(metrics.soon_calls_queue.sum() == 7U);
    BOOST_TEST(metrics.soon_calls_queue.in_bucket(0) == 0U);  // empty ones are no news
    BOOST_TEST(metrics.thread_calls_queue.count() == 2U);
    BOOST_TEST(metrics.thread_calls_queue.largest() == 5U);
    BOOST_TEST(metrics.timed_calls_queue.largest() >= 5U);
    BOOST_TEST(metrics.timed_calls_queue.sum() == 7U + 10U);  // and settle's own

    reactor.measure_turns(false);
    ask_for(3);
    settle(reactor);
    BOOST_TEST(reactor.metrics().soon_calls_queue.sum() == 7U);
}

BOOST_AUTO_TEST_CASE(a_pool_measures_how_much_waits_in_it) {
    Reactor reactor;
    reactor.thread_pool().set_most_threads(1);
    std::promise<void> go_on;
    std::promise<void> begun;
    reactor.thread_pool().call([&begun, going_on = go_on.get_future()]() mutable {
        begun.set_value();
        going_on.wait();
    });
    begun.get_future().wait();
    for (int i = 0; i < 3; ++i)
        reactor.thread_pool().call([] {});
    go_on.set_value();
    const CountHistogram lengths = reactor.metrics().pool_queue;
    BOOST_TEST(lengths.count() == 4U);
    BOOST_TEST(lengths.largest() == 3U);
    BOOST_TEST(lengths.sum() == 1U + 1U + 2U + 3U);
}

BOOST_AUTO_TEST_CASE(measuring_that_begins_inside_a_call_counts_from_then) {
    Reactor reactor;
    reactor.call_soon([&] { reactor.measure_turns(true); });
    settle(reactor);
    BOOST_TEST(reactor.metrics().turn_time.count() > 0U);
    BOOST_CHECK(reactor.metrics().turn_time.longest() < patience);
}

BOOST_AUTO_TEST_CASE(a_turn_that_fires_events_at_its_end_is_measured_as_one) {
    TcpFixture world;
    const auto client = world.connect_and_accept();
    world.reactor.measure_turns(true);
    client->when_lost = [&](Recorder&) { world.reactor.fire_system_event("the end of a connection"); };
    client->transport().abort_connection();
    world.wait_lost(*client);
    settle(world.reactor);
    BOOST_CHECK(world.reactor.metrics().turn_time.longest() < patience);
}

BOOST_AUTO_TEST_CASE(a_timed_call_that_is_kept_waiting_is_measured_as_late) {
    Reactor reactor;
    reactor.measure_turns(true);
    const DelayedCall late = reactor.call_later(1ms, [] {});
    reactor.call_soon([&] {
        const TimePoint end = reactor.now() + 20ms;
        while (reactor.now() < end) {
        }
    });
    settle(reactor);
    BOOST_CHECK(reactor.metrics().timer_lag.longest() >= 19ms);
    BOOST_CHECK(reactor.metrics().timer_lag.longest() < patience);
}

BOOST_AUTO_TEST_CASE(failures_that_nobody_handled_are_counted) {
    CaughtReports reports;
    Reactor reactor;
    const std::uint64_t before = reactor.metrics().unhandled_failures;
    {
        const auto dropped = Deferred<>::fail(make_failure(std::runtime_error("dropped")));
    }
    BOOST_TEST(reactor.metrics().unhandled_failures == before + 1);
    reports.expect(1);
}

std::size_t families(const std::string& text) {
    std::istringstream lines(text);
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with("# TYPE ")) ++count;
    return count;
}

// A number more? It goes into the text, and in here.
static_assert(sizeof(ReactorCounters) == 14 * sizeof(std::uint64_t));

BOOST_AUTO_TEST_CASE(prometheus_text_has_a_family_for_each_number) {
    ReactorMetrics metrics;
    struct Number {
        std::uint64_t& value;
        std::string family;
    };
    struct Size {
        std::size_t& value;
        std::string family;
    };
    const Number counters[] = {
        {metrics.turns, "turns_total"},
        {metrics.timed_calls, "timed_calls_total"},
        {metrics.soon_calls, "soon_calls_total"},
        {metrics.thread_calls, "thread_calls_total"},
        {metrics.connections_made, "connections_made_total"},
        {metrics.connections_lost, "connections_lost_total"},
        {metrics.bytes_received, "received_bytes_total"},
        {metrics.bytes_sent, "sent_bytes_total"},
        {metrics.datagrams_received, "datagrams_received_total"},
        {metrics.datagrams_sent, "datagrams_sent_total"},
        {metrics.datagrams_dropped, "datagrams_dropped_total"},
        {metrics.datagram_bytes_received, "datagrams_received_bytes_total"},
        {metrics.datagram_bytes_sent, "datagrams_sent_bytes_total"},
        {metrics.datagram_bytes_dropped, "datagrams_dropped_bytes_total"},
        {metrics.unhandled_failures, "unhandled_failures_total"},
    };
    const Size gauges[] = {
        {metrics.timed_calls_pending, "timed_calls_pending"},
        {metrics.soon_calls_pending, "soon_calls_pending"},
        {metrics.thread_calls_pending, "thread_calls_pending"},
        {metrics.bytes_queued, "queued_bytes"},
        {metrics.pool_threads, "pool_threads"},
        {metrics.pool_queued, "pool_queued"},
        {metrics.resources_open, "resources_open"},
    };
    const std::pair<Histogram&, std::string> durations[] = {
        {metrics.turn_time, "turn_seconds"},
        {metrics.timer_lag, "timer_lag_seconds"},
    };
    const std::pair<CountHistogram&, std::string> lengths[] = {
        {metrics.timed_calls_queue, "timed_calls_queue"},
        {metrics.soon_calls_queue, "soon_calls_queue"},
        {metrics.thread_calls_queue, "thread_calls_queue"},
        {metrics.pool_queue, "pool_queue"},
    };
    unsigned next = 100;  // each has its own
    for (const Number& each : counters)
        each.value = ++next;
    for (const Size& each : gauges)
        each.value = ++next;
    for (const auto& [histogram, family] : durations)
        histogram.record(std::chrono::seconds(++next));
    for (const auto& [histogram, family] : lengths)
        histogram.record(++next);

    const std::string text = prometheus_text(metrics);
    const auto expect = [&](const std::string& family, const char* type, const std::string& sample) {
        BOOST_TEST(has_line(text, "# TYPE plait_reactor_" + family + " " + type), family);
        BOOST_TEST(has_line(text, "plait_reactor_" + sample), sample);
    };
    for (const Number& each : counters)
        expect(each.family, "counter", each.family + " " + std::to_string(each.value));
    for (const Size& each : gauges)
        expect(each.family, "gauge", each.family + " " + std::to_string(each.value));
    for (const auto& [histogram, family] : durations)
        expect(family, "histogram", family + "_sum " + std::to_string(histogram.sum() / 1s));
    for (const auto& [histogram, family] : lengths)
        expect(family, "histogram", family + "_sum " + std::to_string(histogram.sum()));
    BOOST_TEST(families(text) == std::size(counters) + std::size(gauges) + std::size(durations) + std::size(lengths));
}

BOOST_AUTO_TEST_CASE(labels_stand_in_the_braces_of_every_sample) {
    ReactorMetrics metrics;
    metrics.turns = 7;
    metrics.turn_time.record(3us);
    metrics.turn_time.record(2h);
    const std::string labelled = prometheus_text(metrics, "reactor=\"main\"");
    BOOST_TEST(has_line(labelled, "plait_reactor_turns_total{reactor=\"main\"} 7"));
    BOOST_TEST(has_line(labelled, "# TYPE plait_reactor_turn_seconds histogram"));
    BOOST_TEST(has_line(labelled, "plait_reactor_turn_seconds_bucket{reactor=\"main\",le=\"2.048e-06\"} 0"));
    BOOST_TEST(has_line(labelled, "plait_reactor_turn_seconds_bucket{reactor=\"main\",le=\"4.096e-06\"} 1"));
    BOOST_TEST(has_line(labelled, "plait_reactor_turn_seconds_bucket{reactor=\"main\",le=\"+Inf\"} 2"));
    BOOST_TEST(has_line(labelled, "plait_reactor_turn_seconds_count{reactor=\"main\"} 2"));
}

BOOST_AUTO_TEST_CASE(prometheus_buckets_of_counts_end_with_the_largest_number_in_them) {
    ReactorMetrics metrics;
    for (const std::uint64_t length : {1U, 3U, 4U, 5'000'000U})
        metrics.thread_calls_queue.record(length);
    const std::string text = prometheus_text(metrics);
    BOOST_TEST(has_line(text, "# TYPE plait_reactor_thread_calls_queue histogram"));
    BOOST_TEST(has_line(text, "plait_reactor_thread_calls_queue_bucket{le=\"0\"} 0"));
    BOOST_TEST(has_line(text, "plait_reactor_thread_calls_queue_bucket{le=\"1\"} 1"));
    BOOST_TEST(has_line(text, "plait_reactor_thread_calls_queue_bucket{le=\"3\"} 2"));
    BOOST_TEST(has_line(text, "plait_reactor_thread_calls_queue_bucket{le=\"7\"} 3"));
    BOOST_TEST(has_line(text, "plait_reactor_thread_calls_queue_bucket{le=\"1048575\"} 3"));
    BOOST_TEST(has_line(text, "plait_reactor_thread_calls_queue_bucket{le=\"+Inf\"} 4"));
    BOOST_TEST(has_line(text, "plait_reactor_thread_calls_queue_sum 5000008"));
    for (const char* family : {"timed_calls_queue", "soon_calls_queue", "pool_queue"})
        BOOST_TEST(has_line(text, "plait_reactor_" + std::string(family) + "_count 0"));
}

}  // namespace
}  // namespace plait::testing
