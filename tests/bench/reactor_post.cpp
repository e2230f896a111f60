// reactor.post: two threads hand a million functions each to one loop, as fast as they can; counted from their start
// until the loop has called all of them. Beside asio::post, with the loop kept running by a work guard.
#define ASIO_STANDALONE
#include <asio.hpp>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include "measure.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait::bench {
namespace {

constexpr std::size_t threads = 2;
constexpr std::size_t calls_a_thread = 1'000'000;
constexpr std::size_t all_calls = threads * calls_a_thread;
constexpr int rounds = 7;

/// Millions of calls a second. `post(function)` runs in the threads, `loop()` here until the last call ends it.
template <typename Post, typename Loop>
double posted(Post post, Loop loop) {
    std::atomic<bool> go{false};
    std::vector<std::thread> posters;
    for (std::size_t i = 0; i < threads; ++i)
        posters.emplace_back([&] {
            while (!go.load(std::memory_order_acquire)) {
            }
            for (std::size_t call = 0; call < calls_a_thread; ++call)
                post();
        });
    const auto start = std::chrono::steady_clock::now();
    go.store(true, std::memory_order_release);
    loop();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    for (std::thread& poster : posters)
        poster.join();
    return static_cast<double>(all_calls) / seconds / 1e6;
}

double with_plait() {
    Reactor reactor;
    std::size_t called = 0;
    const auto call = [&] {
        if (++called == all_calls) reactor.stop();
    };
    return posted([&] { reactor.call_from_thread(call); }, [&] { reactor.run(); });
}

double with_asio() {
    asio::io_context context;
    auto guard = asio::make_work_guard(context);
    std::size_t called = 0;
    const auto call = [&] {
        if (++called == all_calls) context.stop();
    };
    return posted([&] { asio::post(context, call); }, [&] { context.run(); });
}

}  // namespace
}  // namespace plait::bench

int main() {
    using namespace plait::bench;
    const auto medians = interleaved(rounds, with_plait, with_asio);
    print({"reactor.post", "M calls/s", medians[0], medians[1], "asio::post", 1.5});
    return 0;
}
