// Results that cross between a reactor's thread and others. tools/test --tsan runs it under the thread sanitizer.
#define BOOST_TEST_MODULE reactor_results_across_threads
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "plait/deferred/async_bridge.hpp"
#include "plait/reactor/reactor.hpp"

using namespace plait;
using namespace std::chrono_literals;

namespace {

/// A reactor that runs in a thread of its own.
class Loop {
public:
    Loop() : thread_([this] { run(); }), reactor_(*ready_.get_future().get()) {}
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop() {
        reactor_.call_from_thread([this] { reactor_.crash(); });  // it may have stopped itself
        may_go_.set_value();
        thread_.join();
    }

    /// What `start(reactor)`, called in the loop's thread, ends in.
    template <typename F>
    AsyncResult<int> ask(F start) {
        AsyncResult<AsyncResult<int>> started;
        reactor_.call_from_thread([this, start, started] { started.set(to_async_result(start(reactor_))); });
        return started.get();
    }

    auto poster() {
        return [this](UniqueFunction<void()> function) { reactor_.call_from_thread(std::move(function)); };
    }
    Reactor& reactor() { return reactor_; }

private:
    void run() {
        Reactor reactor;
        ready_.set_value(&reactor);
        reactor.run();
        may_go_.get_future().wait();  // however it was stopped, its owner may still post to it
    }

    std::promise<Reactor*> ready_;
    std::promise<void> may_go_;
    std::thread thread_;
    Reactor& reactor_;
};

Deferred<int> later(Reactor& reactor, int value) {
    co_await reactor.sleep(1ms);
    if (value < 0) throw std::out_of_range("negative");
    co_return value;
}

}  // namespace

BOOST_AUTO_TEST_CASE(eight_threads_wait_for_what_a_loop_does) {
    Loop loop;
    std::vector<std::thread> threads;
    std::atomic<int> right{0};
    for (int number = 0; number < 8; ++number) {
        threads.emplace_back([&, number] {
            for (int round = 0; round < 20; ++round) {
                const int value = number == 7 ? -1 : number;
                const AsyncResult<int> result = loop.ask([value](Reactor& reactor) { return later(reactor, value); });
                try {
                    if (result.get(1h) == number) ++right;
                } catch (const std::out_of_range&) {
                    if (number == 7) ++right;
                }
            }
        });
    }
    for (auto& thread : threads)
        thread.join();
    BOOST_TEST(right == 8 * 20);
}

BOOST_AUTO_TEST_CASE(a_loop_awaits_what_eight_threads_do) {
    Reactor reactor;
    const auto home = std::this_thread::get_id();
    const auto post = [&](UniqueFunction<void()> function) { reactor.call_from_thread(std::move(function)); };
    std::vector<std::thread> threads;
    std::vector<Deferred<>> all;
    int sum = 0;
    int broken = 0;
    for (int number = 0; number < 8; ++number) {
        for (int i = 0; i < 50; ++i) {
            AsyncResult<int> result;
            auto deferred = to_deferred(result, post).add_callback([&](int n) {
                if (std::this_thread::get_id() == home) sum += n;
            });
            if (i % 10 == 9) {
                deferred = Deferred<>();  // not wanted any more, whatever the thread does
            } else {
                all.push_back(std::move(deferred).add_errback<BrokenPromise>([&](const BrokenPromise&) { ++broken; }));
            }
            threads.emplace_back([i, producer = std::optional<AsyncProducer<int>>(std::move(result))]() mutable {
                if (i % 10 == 8) {
                    producer.reset();
                } else {
                    producer->set(1);
                }
            });
        }
        for (auto& thread : std::exchange(threads, {}))
            thread.join();
    }
    reactor.run_until([](std::vector<Deferred<>> waiting) -> Deferred<> {
        for (auto& one : waiting)
            co_await std::move(one);
    }(std::move(all)));
    BOOST_TEST(sum == 8 * 40);
    BOOST_TEST(broken == 8 * 5);
}

BOOST_AUTO_TEST_CASE(dropping_a_deferred_races_with_its_result) {
    Reactor reactor;
    for (int round = 0; round < 300; ++round) {
        AsyncResult<int> result;
        auto deferred = to_deferred(result, [&](UniqueFunction<void()> function) {
                            reactor.call_from_thread(std::move(function));
                        }).add_callback([](int) {});
        std::thread setter(
            [producer = AsyncProducer<int>(std::exchange(result, AsyncResult<int>()))]() mutable { producer.set(1); });
        if (round % 3 == 0) {
            deferred.cancel();
            deferred = std::move(deferred).add_errback<Cancelled>([](const Cancelled&) {});
        }
        deferred = Deferred<>();
        setter.join();
    }
    reactor.run_until(reactor.sleep(0ms));
}

BOOST_AUTO_TEST_CASE(two_loops_hand_results_to_each_other) {
    Loop one;
    Loop two;
    AsyncResult<int> end;
    one.reactor().call_from_thread([&, end] {
        AsyncResult<AsyncResult<int>> asked;
        two.reactor().call_from_thread([&two, asked] { asked.set(to_async_result(later(two.reactor(), 20))); });
        to_deferred(asked, one.poster())
            .add_callback([&one](AsyncResult<int> answer) { return to_deferred(answer, one.poster()); })
            .add_callback([&one](int n) { return later(one.reactor(), n + 1); })
            .add_callback([end](int n) { end.set(n); })
            .detach([end](const Failure& failure) { end.set_exception(failure.exception_ptr()); });
    });
    BOOST_TEST(end.get(1h) == 21);
}

BOOST_AUTO_TEST_CASE(a_loop_that_ends_leaves_nobody_waiting) {
    for (int round = 0; round < 50; ++round) {
        AsyncResult<int> unasked;
        AsyncResult<int> asked;
        {
            Loop loop;
            asked = loop.ask([](Reactor& reactor) { return reactor.sleep(1h).add_callback([] { return 1; }); });
            loop.reactor().call_from_thread([&loop, producer = AsyncProducer<int>(unasked)]() mutable {
                loop.reactor().crash();
                loop.reactor().call_from_thread([late = std::move(producer)]() mutable { late.set(1); });
            });
        }
        BOOST_CHECK_THROW(asked.get(), BrokenPromise);
        BOOST_CHECK_THROW(unasked.get(), BrokenPromise);
    }
}
