// AsyncResult among many threads. tools/test --tsan runs it under the thread sanitizer.
#define BOOST_TEST_MODULE deferred_async_result_threads
#include <atomic>
#include <barrier>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "plait/deferred/async_result.hpp"
#include "plait/deferred/errors.hpp"

using namespace plait;
using namespace std::chrono_literals;

namespace {

constexpr int threads = 8;

/// Runs `work(number)` in eight threads at once, as nearly as can be.
template <typename F>
void at_once(F work) {
    std::barrier start(threads);
    std::vector<std::thread> running;
    for (int number = 0; number < threads; ++number) {
        running.emplace_back([&, number] {
            start.arrive_and_wait();
            work(number);
        });
    }
    for (std::thread& thread : running)
        thread.join();
}

}  // namespace

BOOST_AUTO_TEST_CASE(one_of_eight_setters_wins_and_all_others_are_refused) {
    for (int round = 0; round < 200; ++round) {
        const AsyncResult<std::string> result;
        std::atomic<int> won{0};
        std::atomic<int> refused{0};
        at_once([&](int number) {
            try {
                if (number % 2 == 0) {
                    result.set("set by " + std::to_string(number));
                } else {
                    result.set_exception(std::runtime_error("failed by " + std::to_string(number)));
                }
                ++won;
            } catch (const AlreadyFired&) {
                ++refused;
            }
        });
        BOOST_REQUIRE_EQUAL(won.load(), 1);
        BOOST_REQUIRE_EQUAL(refused.load(), threads - 1);
        BOOST_REQUIRE((result.value() != nullptr) != (result.exception() != nullptr));
    }
}

BOOST_AUTO_TEST_CASE(no_waiter_misses_the_wake_up) {
    for (int round = 0; round < 300; ++round) {
        const AsyncResult<int> result;
        std::atomic<int> seen{0};
        at_once([&](int number) {
            if (number == round % threads) {
                result.set(round);
            } else if (number % 3 == 0) {
                if (result.wait() && *result.value() == round) ++seen;
            } else if (number % 3 == 1) {
                if (result.get() == round) ++seen;
            } else {
                if (result.get(true, 1h) == round) ++seen;
            }
        });
        BOOST_REQUIRE_EQUAL(seen.load(), threads - 1);
    }
}

BOOST_AUTO_TEST_CASE(waiters_get_the_exception_in_each_thread) {
    for (int round = 0; round < 100; ++round) {
        std::optional<AsyncResult<int>> result(std::in_place);
        std::atomic<int> caught{0};
        at_once([&, given = *result](int number) {
            if (number == 0) return given.set_exception(std::runtime_error("for all"));
            try {
                given.get();
            } catch (const std::runtime_error& error) {
                if (std::string(error.what()) == "for all") ++caught;
            }
        });
        BOOST_REQUIRE_EQUAL(caught.load(), threads - 1);
    }
}

BOOST_AUTO_TEST_CASE(a_timeout_that_races_with_the_result_gives_one_or_the_other) {
    for (int round = 0; round < 200; ++round) {
        const AsyncResult<int> result;
        std::atomic<int> ended{0};
        at_once([&](int number) {
            if (number == 0) return result.set(7);
            try {
                if (result.get(std::chrono::microseconds(number)) == 7) ++ended;
            } catch (const TimeoutError&) {
                ++ended;
            }
        });
        BOOST_REQUIRE_EQUAL(ended.load(), threads - 1);
        BOOST_REQUIRE_EQUAL(result.get_nowait(), 7);
    }
}

BOOST_AUTO_TEST_CASE(each_callback_is_called_once_however_linking_and_setting_race) {
    constexpr int links_each = 20;
    for (int round = 0; round < 200; ++round) {
        const AsyncResult<int> result;
        std::vector<std::atomic<int>> calls(threads * links_each);
        at_once([&](int number) {
            for (int i = 0; i < links_each; ++i) {
                if (number == 0 && i == round % links_each) result.set(7);
                auto& count = calls[static_cast<std::size_t>(number * links_each + i)];
                result.rawlink([&count](const AsyncResult<int>& given) { count += given.get() == 7 ? 1 : 100; });
            }
        });
        for (const auto& count : calls)
            BOOST_REQUIRE_EQUAL(count.load(), 1);
    }
}

BOOST_AUTO_TEST_CASE(a_callback_is_called_or_taken_back_and_never_both) {
    constexpr int links_each = 20;
    for (int round = 0; round < 200; ++round) {
        const AsyncResult<int> result;
        std::atomic<int> called{0};
        std::atomic<int> taken_back{0};
        at_once([&](int number) {
            if (number == 0) return result.set(7);
            for (int i = 0; i < links_each; ++i) {
                // What the callback holds may go as soon as unlink() says so.
                auto held = std::make_unique<std::atomic<int>>(0);
                std::atomic<bool> done{false};
                const LinkId link = result.rawlink([&called, &done, inside = held.get()](const AsyncResult<int>&) {
                    ++*inside;
                    ++called;
                    done = true;
                });
                if (result.unlink(link)) {
                    held.reset();
                    ++taken_back;
                } else {
                    while (!done)
                        std::this_thread::yield();
                }
            }
        });
        BOOST_REQUIRE_EQUAL(called + taken_back, (threads - 1) * links_each);
    }
}

BOOST_AUTO_TEST_CASE(the_last_handle_may_go_in_any_thread) {
    struct Counted {
        explicit Counted(std::atomic<int>& c) : count(&c) { ++*count; }
        ~Counted() { --*count; }
        Counted(const Counted&) = delete;
        Counted& operator=(const Counted&) = delete;
        std::atomic<int>* count;
    };
    std::atomic<int> alive{0};
    for (int round = 0; round < 200; ++round) {
        using Result = AsyncResult<std::unique_ptr<Counted>>;
        std::vector<Result> handles(threads, Result());
        const std::vector<Result> same(threads, handles[0]);
        handles = same;
        std::vector<std::optional<Result>> own(same.begin(), same.end());
        handles.clear();
        at_once([&, number_of_setter = round % threads](int number) {
            auto& handle = own[static_cast<std::size_t>(number)];
            handle->rawlink([held = std::make_shared<Counted>(alive)](const Result&) {});
            if (number == number_of_setter) handle->set(std::make_unique<Counted>(alive));
            if (number % 2 == 0) handle->wait();
            handle.reset();
        });
    }
    BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(a_waiter_may_destroy_the_very_handle_the_setter_uses) {
    for (int round = 0; round < 300; ++round) {
        auto result = std::make_unique<AsyncResult<std::string>>();
        std::thread setter([&handle = *result] { handle.set("v"); });
        BOOST_REQUIRE(result->wait());
        result.reset();
        setter.join();
    }
}

BOOST_AUTO_TEST_CASE(producers_that_go_in_other_threads_leave_nobody_waiting) {
    for (int round = 0; round < 100; ++round) {
        const AsyncResult<int> result;
        std::vector<AsyncProducer<int>> producers;
        producers.emplace_back(result);
        std::atomic<int> broken{0};
        at_once([&](int number) {
            if (number == 0) return producers.clear();
            try {
                result.get();
            } catch (const BrokenPromise&) {
                ++broken;
            }
        });
        BOOST_REQUIRE_EQUAL(broken.load(), threads - 1);
    }
}
