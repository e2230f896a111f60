#define BOOST_TEST_MODULE deferred_future
#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "plait/deferred/future.hpp"
#include "plait/deferred/share.hpp"
#include "plait/deferred/testing/manual_clock.hpp"
#include "support.hpp"

using namespace plait;
using namespace std::chrono_literals;
using plait::testing::ManualClock;

namespace {

bool is_here(std::future<int>& future) {
    return future.wait_for(0s) == std::future_status::ready;
}

}  // namespace

// Twisted's FutureAdapterTests ---------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(as_future) {
    auto [deferred, promise] = make_deferred<int>();
    auto future = to_future(std::move(deferred));
    BOOST_TEST(!is_here(future));
    promise.callback(7);
    BOOST_TEST(future.get() == 7);
}

BOOST_AUTO_TEST_CASE(as_future_failure) {
    CaughtReports reports;
    auto [deferred, promise] = make_deferred<int>();
    auto future = to_future(std::move(deferred));
    promise.errback(std::runtime_error("x"));
    BOOST_CHECK_THROW(future.get(), std::runtime_error);
    BOOST_TEST(reports.count() == 0u);
}

BOOST_AUTO_TEST_CASE(as_future_cancelled_through_a_shared_deferred) {
    auto [deferred, promise] = make_deferred<int>();
    auto shared = std::move(deferred).share();
    auto future = to_future(shared.branch());
    shared.cancel();
    BOOST_CHECK_THROW(future.get(), Cancelled);
    BOOST_TEST(!promise.wanted());
}

BOOST_AUTO_TEST_CASE(as_future_success_cancel_dropping_the_future_lets_the_work_go_on) {
    bool ran = false;
    auto [deferred, promise] = make_deferred<int>();
    {
        auto future = to_future(std::move(deferred).add_callback([&](int n) {
            ran = true;
            return n;
        }));
    }
    BOOST_TEST(promise.wanted());
    promise.callback(1);
    BOOST_TEST(ran);
}

BOOST_AUTO_TEST_CASE(from_future_gives_the_value_at_the_next_look) {
    ManualClock clock;
    std::promise<int> source;
    auto deferred = from_future(clock, source.get_future(), 5ms);
    clock.advance(5ms);
    BOOST_TEST(!deferred.ready());
    source.set_value(3);
    clock.advance(5ms);
    BOOST_TEST(deferred.take().value() == 3);
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(from_future_failure) {
    ManualClock clock;
    std::promise<int> source;
    auto deferred = from_future(clock, source.get_future());
    source.set_exception(std::make_exception_ptr(std::runtime_error("x")));
    clock.advance(1s);
    BOOST_TEST(deferred.take().failure().message() == "std::runtime_error: x");
}

BOOST_AUTO_TEST_CASE(from_future_future_cancelled_its_promise_destroyed) {
    ManualClock clock;
    std::optional<std::promise<int>> source(std::in_place);
    auto deferred = from_future(clock, source->get_future());
    source.reset();
    clock.advance(1s);
    BOOST_TEST(deferred.take().failure().check<std::future_error>() != nullptr);
}

BOOST_AUTO_TEST_CASE(from_future_deferred_cancelled) {
    ManualClock clock;
    std::promise<int> source;
    auto deferred = from_future(clock, source.get_future());
    deferred.cancel();
    BOOST_TEST(deferred.take().failure().check<Cancelled>() != nullptr);
    BOOST_TEST(clock.pending_calls() == 0u);
    source.set_value(1);
}

// What Plait adds ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_ready_deferred_gives_a_ready_future_and_back_without_a_timer) {
    ManualClock clock;
    auto future = to_future(succeed(std::make_unique<int>(2)));
    auto deferred = from_future(clock, std::move(future));
    BOOST_TEST(clock.pending_calls() == 0u);
    BOOST_TEST(*deferred.take().value() == 2);
}

BOOST_AUTO_TEST_CASE(no_value_is_void_there) {
    ManualClock clock;
    auto [deferred, promise] = make_deferred();
    std::future<void> future = to_future(std::move(deferred));
    Deferred<> back = from_future(clock, std::move(future));
    promise.callback();
    clock.advance(1s);
    BOOST_TEST(back.take().has_value());
}

BOOST_AUTO_TEST_CASE(a_broken_promise_and_an_empty_deferred_reach_the_future_or_its_maker) {
    std::future<int> future;
    {
        auto [deferred, promise] = make_deferred<int>();
        future = to_future(std::move(deferred));
    }
    BOOST_CHECK_THROW(future.get(), BrokenPromise);
    BOOST_CHECK_THROW(std::ignore = to_future(Deferred<int>()), InvalidState);
}

// Under the thread sanitizer, GCC's std::promise does not come back from a value that throws: its call_once, there an
// interceptor that knows no exceptions, waits for ever.
#ifndef __SANITIZE_THREAD__
BOOST_AUTO_TEST_CASE(a_value_that_cannot_be_moved_fails_the_future) {
    struct Stuck {
        Stuck() = default;
        Stuck(Stuck&&) { throw std::runtime_error("stuck"); }
        Stuck& operator=(Stuck&&) = delete;
        ~Stuck() = default;
    };
    auto [deferred, promise] = make_deferred<int>();
    auto future = to_future(std::move(deferred).add_callback([](int) { return Stuck(); }));
    promise.callback(1);
    BOOST_CHECK_THROW(future.get(), std::runtime_error);
}
#endif

BOOST_AUTO_TEST_CASE(dropping_stops_the_looking_and_drops_the_future) {
    ManualClock clock;
    Token token;
    auto source = std::make_shared<std::promise<std::shared_ptr<int>>>();
    static_cast<void>(from_future(clock, source->get_future()));
    BOOST_TEST(clock.pending_calls() == 0u);
    source->set_value(token.copy());
    source.reset();
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(a_callback_may_drop_it) {
    ManualClock clock;
    std::promise<int> source;
    Deferred<> last;
    last = from_future(clock, source.get_future()).add_callback([&](int) { last = Deferred<>(); });
    source.set_value(1);
    clock.advance(1s);
    BOOST_TEST(!last.valid());
}

BOOST_AUTO_TEST_CASE(a_future_that_would_never_end_fails_at_once) {
    ManualClock clock;
    auto lazy = from_future(clock, std::async(std::launch::deferred, [] { return 1; }));
    BOOST_TEST(lazy.take().failure().check<InvalidState>() != nullptr);
    auto empty = from_future(clock, std::future<int>());
    BOOST_TEST(empty.take().failure().check<InvalidState>() != nullptr);
}

BOOST_AUTO_TEST_CASE(a_clock_that_goes_first_fails_it) {
    std::promise<int> source;
    Deferred<int> deferred;
    {
        ManualClock clock;
        deferred = from_future(clock, source.get_future());
    }
    BOOST_TEST(deferred.take().failure().check<BrokenPromise>() != nullptr);
}

BOOST_AUTO_TEST_CASE(the_other_ends_may_be_in_other_threads) {
    ManualClock clock;
    std::promise<std::string> source;
    auto deferred = from_future(clock, source.get_future());
    std::thread worker([&] { source.set_value("from a thread"); });
    while (!deferred.ready()) {
        std::this_thread::yield();
        clock.advance(10ms);
    }
    worker.join();
    BOOST_TEST(deferred.take().value() == "from a thread");

    auto [waiting, promise] = make_deferred<std::string>();
    std::string seen;
    std::thread waiter([&seen, future = to_future(std::move(waiting))]() mutable { seen = future.get(); });
    promise.callback("to a thread");
    waiter.join();
    BOOST_TEST(seen == "to a thread");

    auto [failing, failing_promise] = make_deferred<int>();
    bool threw = false;
    std::thread catcher([&threw, future = to_future(std::move(failing))]() mutable {
        try {
            future.get();
        } catch (const std::runtime_error&) {
            threw = true;
        }
    });
    failing_promise.errback(std::runtime_error("x"));
    catcher.join();
    BOOST_TEST(threw);
}
