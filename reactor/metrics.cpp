#include "plait/reactor/metrics.hpp"

#include <iterator>

#include <fmt/format.h>

namespace plait {
namespace {

// Shorter than a microsecond tells nothing about a loop, longer than a minute nothing more.
constexpr std::size_t first_bucket = 10;
constexpr std::size_t last_bucket = 36;
// A queue of more than a million is full, whatever it is.
constexpr std::size_t last_count_bucket = 20;

class Text {
public:
    explicit Text(std::string_view labels)
        : labels_(labels), braced_(labels.empty() ? "" : fmt::format("{{{}}}", labels)) {}

    void counter(const char* name, const char* help, std::uint64_t value) { one(name, help, "counter", value); }
    void gauge(const char* name, const char* help, std::uint64_t value) { one(name, help, "gauge", value); }

    void histogram(const char* name, const char* help, const Histogram& values) {
        describe(name, help, "histogram");
        std::uint64_t below = 0;
        for (std::size_t bucket = 0; bucket <= last_bucket; ++bucket) {
            below += values.in_bucket(bucket);
            if (bucket >= first_bucket)
                sample_below(name, fmt::format("{:.10g}", seconds(Histogram::bucket_end(bucket))), below);
        }
        ends(name, fmt::format("{:.9g}", seconds(values.sum())), values.count());
    }

    void histogram(const char* name, const char* help, const CountHistogram& values) {
        describe(name, help, "histogram");
        std::uint64_t below = 0;
        for (std::size_t bucket = 0; bucket <= last_count_bucket; ++bucket) {
            below += values.in_bucket(bucket);
            sample_below(name, fmt::format("{}", CountHistogram::bucket_end(bucket) - 1), below);  // le: up to
        }
        ends(name, fmt::format("{}", values.sum()), values.count());
    }

    std::string take() { return std::move(text_); }

private:
    static double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }
    std::back_insert_iterator<std::string> out() { return std::back_inserter(text_); }

    void describe(const char* name, const char* help, const char* type) {
        fmt::format_to(out(), "# HELP plait_reactor_{0} {1}\n# TYPE plait_reactor_{0} {2}\n", name, help, type);
    }
    void one(const char* name, const char* help, const char* type, std::uint64_t value) {
        describe(name, help, type);
        fmt::format_to(out(), "plait_reactor_{}{} {}\n", name, braced_, value);
    }
    void sample_below(const char* name, std::string_view end, std::uint64_t count) {
        const char* comma = labels_.empty() ? "" : ",";
        fmt::format_to(out(), "plait_reactor_{}_bucket{{{}{}le=\"{}\"}} {}\n", name, labels_, comma, end, count);
    }

    void ends(const char* name, std::string_view sum, std::uint64_t count) {
        sample_below(name, "+Inf", count);
        fmt::format_to(out(), "plait_reactor_{}_sum{} {}\n", name, braced_, sum);
        fmt::format_to(out(), "plait_reactor_{}_count{} {}\n", name, braced_, count);
    }

    std::string_view labels_;
    std::string braced_;
    std::string text_;
};

}  // namespace

std::string prometheus_text(const ReactorMetrics& metrics, std::string_view labels) {
    Text text(labels);
    text.counter("turns_total", "Calls from the event loop.", metrics.turns);
    text.counter("timed_calls_total", "Timed calls made.", metrics.timed_calls);
    text.counter("soon_calls_total", "Calls of call_soon made.", metrics.soon_calls);
    text.counter("thread_calls_total", "Calls of call_from_thread made.", metrics.thread_calls);
    text.counter("connections_made_total", "Connections made.", metrics.connections_made);
    text.counter("connections_lost_total", "Connections lost.", metrics.connections_lost);
    text.counter("received_bytes_total", "Bytes received by connections.", metrics.bytes_received);
    text.counter("sent_bytes_total", "Bytes sent by connections.", metrics.bytes_sent);
    text.counter("datagrams_received_total", "Datagrams received by ports.", metrics.datagrams_received);
    text.counter("datagrams_sent_total", "Datagrams sent by ports.", metrics.datagrams_sent);
    text.counter("datagrams_dropped_total", "Datagrams written to ports and not sent.", metrics.datagrams_dropped);
    text.counter("datagrams_received_bytes_total", "Bytes of datagrams received.", metrics.datagram_bytes_received);
    text.counter("datagrams_sent_bytes_total", "Bytes of datagrams sent.", metrics.datagram_bytes_sent);
    text.counter("datagrams_dropped_bytes_total", "Bytes of datagrams not sent.", metrics.datagram_bytes_dropped);
    text.gauge("timed_calls_pending", "Timed calls not made yet.", metrics.timed_calls_pending);
    text.gauge("soon_calls_pending", "Calls of call_soon not made yet.", metrics.soon_calls_pending);
    text.gauge("thread_calls_pending", "Calls of call_from_thread not made yet.", metrics.thread_calls_pending);
    text.gauge("queued_bytes", "Bytes written and not yet taken by the kernel.", metrics.bytes_queued);
    text.gauge("pool_threads", "Threads of the thread pool.", metrics.pool_threads);
    text.gauge("pool_queued", "Work that waits for a thread of the pool.", metrics.pool_queued);
    text.gauge("resources_open", "Connections, ports, look-ups and such that are open.", metrics.resources_open);
    text.counter("unhandled_failures_total", "Failures nobody handled, in the whole program.",
                 metrics.unhandled_failures);
    text.histogram("turn_seconds", "How long a turn took, while measured.", metrics.turn_time);
    text.histogram("timer_lag_seconds", "How late timed calls were, while measured.", metrics.timer_lag);
    text.histogram("timed_calls_queue", "Timed calls due at once, while measured.", metrics.timed_calls_queue);
    text.histogram("soon_calls_queue", "Calls of call_soon made at once, while measured.", metrics.soon_calls_queue);
    text.histogram("thread_calls_queue", "Calls of call_from_thread made at once, while measured.",
                   metrics.thread_calls_queue);
    text.histogram("pool_queue", "What waited for a thread of the pool when more was given to it.", metrics.pool_queue);
    return text.take();
}

}  // namespace plait
