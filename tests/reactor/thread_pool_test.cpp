// A ThreadPool by itself: how many threads, in what order, how it ends. Gates stand in for work that takes long.
#define BOOST_TEST_MODULE reactor_thread_pool
#include "plait/reactor/thread_pool.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "plait/deferred/context.hpp"
#include "plait/tests/reactor/reports.hpp"
#include "plait/tests/reactor/thread_faults.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

const ContextKey<std::string> request_id{"request"};

/// Keeps threads busy until it is opened, or destroyed.
class Gate {
public:
    Gate() = default;
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;
    ~Gate() {
        if (!opened_) open();
    }
    void open() {
        opened_ = true;
        opens_.set_value();
    }
    auto passer() {
        return [future = future_] { future.wait(); };
    }

private:
    std::promise<void> opens_;
    std::shared_future<void> future_ = opens_.get_future().share();
    bool opened_ = false;
};

/// Waits, without sleeping, for what other threads are about to do.
template <typename F>
void wait_until(F reached) {
    while (!reached())
        std::this_thread::yield();
}

}  // namespace

BOOST_AUTO_TEST_CASE(threads_are_started_when_there_is_work_and_no_more_than_allowed) {
    ThreadPool pool({.most_threads = 3});
    BOOST_TEST(pool.threads() == 0u);
    Gate gate;
    for (int i = 0; i < 10; ++i)
        pool.call(gate.passer());
    BOOST_TEST(pool.threads() == 3u);
    wait_until([&] { return pool.queued() == 7; });
    gate.open();
    wait_until([&] { return pool.queued() == 0; });
}

BOOST_AUTO_TEST_CASE(a_thread_that_is_free_is_used_again) {
    ThreadPool pool({.most_threads = 200});
    for (int i = 0; i < 200; ++i) {
        std::promise<void> done;
        pool.call([&] { done.set_value(); });
        done.get_future().wait();
    }
    BOOST_TEST(pool.threads() <= 50u);  // one, but for work that comes before its thread is back
}

BOOST_AUTO_TEST_CASE(work_begins_in_the_order_it_was_given) {
    std::vector<int> order;
    {
        ThreadPool pool({.most_threads = 1});
        std::promise<void> done;
        for (int i = 0; i < 1000; ++i)
            pool.call([&order, i] { order.push_back(i); });
        pool.call([&] { done.set_value(); });
        done.get_future().wait();
    }
    BOOST_REQUIRE(order.size() == 1000u);
    for (int i = 0; i < 1000; ++i)
        BOOST_TEST(order[static_cast<std::size_t>(i)] == i);
}

BOOST_AUTO_TEST_CASE(a_full_pool_says_so_and_keeps_what_it_has) {
    ThreadPool pool({.most_threads = 2, .most_queued = 3});
    Gate gate;
    std::atomic<int> done{0};
    for (int i = 0; i < 5; ++i) {
        pool.call([&done, pass = gate.passer()] {
            pass();
            ++done;
        });
    }
    try {
        pool.call([] { BOOST_ERROR("called"); });
        BOOST_ERROR("accepted");
    } catch (const ThreadPoolFull& error) {
        BOOST_TEST(std::string(error.what()).find("3 pieces") != std::string::npos);
    }
    gate.open();
    wait_until([&] { return done == 5; });
    pool.call([&] { ++done; });
    wait_until([&] { return done == 6; });
}

BOOST_AUTO_TEST_CASE(a_pool_that_may_queue_nothing_takes_what_its_threads_can_do_at_once) {
    ThreadPool pool({.most_threads = 2, .most_queued = 0});
    Gate gate;
    pool.call(gate.passer());
    pool.call(gate.passer());
    BOOST_CHECK_THROW(pool.call([] {}), ThreadPoolFull);
}

BOOST_AUTO_TEST_CASE(work_that_has_not_begun_can_be_taken_back_and_makes_room) {
    ThreadPool pool({.most_threads = 1, .most_queued = 1});
    Gate gate;
    std::promise<void> begun;
    const auto running = pool.call([&, pass = gate.passer()] {
        begun.set_value();
        pass();
    });
    begun.get_future().wait();
    auto witness = std::make_shared<int>();
    for (int i = 0; i < 100; ++i) {
        const auto waiting = pool.call([witness] { BOOST_ERROR("called"); });
        BOOST_TEST(pool.take_back(waiting));
        BOOST_TEST(!pool.take_back(waiting));
        BOOST_TEST(witness.use_count() == 1);
    }
    BOOST_TEST(!pool.take_back(running));
    BOOST_TEST(!pool.take_back(12345));
}

BOOST_AUTO_TEST_CASE(stopping_waits_for_what_runs_and_drops_what_waits) {
    ThreadPool pool({.most_threads = 1});
    Gate gate;
    std::atomic<bool> ended{false};
    std::promise<void> begun;
    pool.call([&, pass = gate.passer()] {
        begun.set_value();
        pass();
        ended = true;
    });
    auto witness = std::make_shared<int>();
    pool.call([witness] { BOOST_ERROR("called"); });
    begun.get_future().wait();
    std::thread opener([&] {
        wait_until([&] { return pool.queued() == 0; });
        gate.open();
    });
    pool.stop();
    BOOST_TEST(ended);
    BOOST_TEST(pool.threads() == 0u);
    BOOST_TEST(witness.use_count() == 1);
    BOOST_CHECK_THROW(pool.call([] {}), ThreadPoolStopped);
    opener.join();
    pool.stop();

    pool.start();
    std::promise<void> again;
    pool.call([&] { again.set_value(); });
    again.get_future().wait();
}

BOOST_AUTO_TEST_CASE(idle_threads_end_after_their_time) {
    ThreadPool pool({.most_threads = 4, .idle = 1ms});
    for (int round = 0; round < 3; ++round) {
        Gate gate;
        for (int i = 0; i < 4; ++i)
            pool.call(gate.passer());
        BOOST_TEST(pool.threads() == 4u);
        gate.open();
        wait_until([&] { return pool.threads() == 0; });
    }
}

BOOST_AUTO_TEST_CASE(threads_beyond_a_lower_bound_end) {
    ThreadPool pool({.most_threads = 4, .idle = 24h});
    Gate gate;
    for (int i = 0; i < 4; ++i)
        pool.call(gate.passer());
    gate.open();
    pool.set_most_threads(1);
    wait_until([&] { return pool.threads() == 1; });
    pool.set_most_threads(2);
    Gate other;
    pool.call(other.passer());
    pool.call(other.passer());
    BOOST_TEST(pool.threads() == 2u);
}

BOOST_AUTO_TEST_CASE(a_thread_survives_what_its_work_throws) {
    const Reports reports;
    ThreadPool pool({.most_threads = 1});
    pool.call([] { throw std::runtime_error("bad"); });
    pool.call([] { throw 42; });
    std::promise<void> done;
    pool.call([&] { done.set_value(); });
    done.get_future().wait();
    BOOST_TEST(reports.count() == 2u);
}

BOOST_AUTO_TEST_CASE(work_may_give_more_work_and_stop_or_destroy_its_pool) {
    for (int round = 0; round < 50; ++round) {
        std::promise<void> done;
        auto pool = std::make_unique<ThreadPool>(ThreadPoolOptions{.most_threads = 2});
        ThreadPool& its = *pool;
        its.call([&] {
            its.call([] {});
            if (round % 2 == 0) its.stop();
            pool.reset();
            done.set_value();
        });
        done.get_future().wait();
    }
}

BOOST_AUTO_TEST_CASE(work_runs_in_the_context_it_was_given_in_and_is_destroyed_in_its_thread) {
    struct Here {
        explicit Here(std::thread::id& at_end) : at(&at_end) {}
        Here(Here&& other) noexcept : at(std::exchange(other.at, nullptr)) {}
        ~Here() {
            if (at != nullptr) *at = std::this_thread::get_id();
        }
        std::thread::id* at;
    };
    std::thread::id destroyed_in;
    std::thread::id called_in;
    std::string request;
    {
        ThreadPool pool;
        const ContextScope scope(request_id, "a17");
        std::promise<void> done;
        pool.call([&, here = Here(destroyed_in)] {
            called_in = std::this_thread::get_id();
            if (request_id.get() != nullptr) request = *request_id.get();
            done.set_value();
        });
        done.get_future().wait();
    }
    BOOST_TEST(request == "a17");
    BOOST_TEST((called_in != std::this_thread::get_id()));
    BOOST_TEST((destroyed_in == called_in));
}

BOOST_AUTO_TEST_CASE(many_threads_may_use_one_pool) {
    ThreadPool pool({.most_threads = 4, .most_queued = 100'000, .idle = 0ms});
    std::atomic<int> calls{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&] {
            for (int i = 0; i < 500; ++i) {
                const auto ticket = pool.call([&] { ++calls; });
                if (i % 5 == 0 && pool.take_back(ticket)) ++calls;
            }
        });
    }
    for (auto& thread : threads)
        thread.join();
    wait_until([&] { return calls == 2000; });
}

BOOST_AUTO_TEST_CASE(a_pool_that_was_stopped_by_its_own_work_starts_threads_again) {
    ThreadPool pool({.most_threads = 1});
    std::promise<bool> outcome;
    pool.call([&] {
        std::promise<void> called;
        pool.stop();
        pool.start();
        pool.call([&] { called.set_value(); });
        outcome.set_value(called.get_future().wait_for(20s) == std::future_status::ready);
    });
    BOOST_TEST(outcome.get_future().get());
    pool.stop();
    BOOST_TEST(pool.threads() == 0U);
}

BOOST_AUTO_TEST_CASE(work_that_gets_no_thread_at_all_is_refused_and_one_thread_is_enough_for_the_rest) {
    ThreadPool pool({.most_threads = 3});
    auto witness = std::make_shared<int>();
    {
        const ThreadsRefused none;
        BOOST_CHECK_THROW(pool.call([witness] { BOOST_ERROR("called"); }), std::system_error);
    }
    BOOST_TEST(witness.use_count() == 1);
    BOOST_TEST(pool.queued() == 0u);

    Gate gate;
    pool.call(gate.passer());
    wait_until([&] { return pool.queued() == 0; });
    std::atomic<int> done{0};
    {
        const ThreadsRefused none;
        pool.call([&] { ++done; });
    }
    BOOST_TEST(pool.threads() == 1u);
    gate.open();
    wait_until([&] { return done == 1; });
}
