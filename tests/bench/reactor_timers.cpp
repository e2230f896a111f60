// reactor.timers_1m: a million timers set, due at different moments of the next hundred milliseconds; all but one in a
// thousand cancelled, in another order than they were set; then the loop runs until the rest have been called. In the
// processor time of one process, as all of it is computing.
#define ASIO_STANDALONE
#include <uv.h>

#include <asio.hpp>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <vector>

#include "measure.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait::bench {
namespace {

constexpr std::size_t timers = 1'000'000;
constexpr std::size_t one_in = 1000;
constexpr int rounds = 5;

/// Where the i-th timer stands in an order that is not the order of setting; the stride has no factor of the size.
constexpr std::size_t shuffled(std::size_t i) {
    return i * 611'953 % timers;
}
constexpr std::chrono::milliseconds due(std::size_t i) {
    return std::chrono::milliseconds(1 + shuffled(i) % 100);
}
constexpr bool stays(std::size_t i) {
    return i % one_in == 0;
}

double processor_seconds() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// Milliseconds of processor time that `body`, which says how many timers were called, takes.
template <typename Body>
double timed(Body body) {
    const double start = processor_seconds();
    const std::size_t called = body();
    const double taken = processor_seconds() - start;
    if (called != timers / one_in) throw std::runtime_error("not just the timers that were left have been called");
    return taken * 1000;
}

std::size_t with_plait() {
    Reactor reactor;
    std::size_t called = 0;
    std::vector<DelayedCall> calls(timers);
    for (std::size_t i = 0; i < timers; ++i)
        calls[i] = reactor.call_later(due(i), [&] {
            if (++called == timers / one_in) reactor.stop();
        });
    for (std::size_t i = 0; i < timers; ++i)
        if (!stays(shuffled(i))) calls[shuffled(i)].cancel();
    reactor.run();
    return called;
}

std::size_t with_libuv() {
    uv_loop_t loop;
    uv_loop_init(&loop);
    std::size_t called = 0;
    std::vector<uv_timer_t> calls(timers);
    for (std::size_t i = 0; i < timers; ++i) {
        uv_timer_init(&loop, &calls[i]);
        calls[i].data = &called;
        const auto count = [](uv_timer_t* timer) { ++*static_cast<std::size_t*>(timer->data); };
        uv_timer_start(&calls[i], count, static_cast<std::uint64_t>(due(i).count()), 0);
    }
    for (std::size_t i = 0; i < timers; ++i)
        if (!stays(shuffled(i))) uv_timer_stop(&calls[shuffled(i)]);
    uv_run(&loop, UV_RUN_DEFAULT);
    for (uv_timer_t& timer : calls)
        uv_close(reinterpret_cast<uv_handle_t*>(&timer), nullptr);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return called;
}

std::size_t with_asio() {
    asio::io_context context(1);
    std::size_t called = 0;
    std::vector<std::unique_ptr<asio::steady_timer>> calls(timers);
    for (std::size_t i = 0; i < timers; ++i) {
        calls[i] = std::make_unique<asio::steady_timer>(context, due(i));
        calls[i]->async_wait([&](std::error_code error) {
            if (!error) ++called;
        });
    }
    for (std::size_t i = 0; i < timers; ++i)
        if (!stays(shuffled(i))) calls[shuffled(i)]->cancel();
    context.run();
    return called;
}

void measure_timers() {
    const auto medians = interleaved(
        rounds, [] { return timed(with_plait); }, [] { return timed(with_libuv); }, [] { return timed(with_asio); });
    print({"reactor.timers_1m", "CPU ms", medians[0], medians[1], "libuv", 2, true});
    print({"reactor.timers_1m", "CPU ms", medians[0], medians[2], "Asio", 2, true});
}

}  // namespace
}  // namespace plait::bench

int main() {
    try {
        plait::bench::measure_timers();
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "reactor_timers: %s\n", error.what());
        return 1;
    }
}
