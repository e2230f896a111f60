// From Deferred to AsyncResult and back; results_across_threads_test of tests/reactor has real loops.
#define BOOST_TEST_MODULE deferred_async_bridge
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "plait/deferred/async_bridge.hpp"
#include "support.hpp"

using namespace plait;
using namespace std::chrono_literals;

namespace {

/// The loop of one thread, run by hand.
struct Home {
    std::vector<UniqueFunction<void()>> posted;
    auto poster() {
        return [this](UniqueFunction<void()> function) { posted.push_back(std::move(function)); };
    }
    void run() {
        for (auto& function : std::exchange(posted, {}))
            function();
    }
};

}  // namespace

// to_async_result ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(an_async_result_is_set_to_what_its_deferred_ends_in) {
    auto [deferred, promise] = make_deferred<std::unique_ptr<int>>();
    const auto result = to_async_result(std::move(deferred).add_callback([](auto n) { return n; }));
    bool called = false;
    result.rawlink([&](const auto& given) { called = *given.get() == 7; });
    BOOST_TEST(!result.ready());
    promise.callback(std::make_unique<int>(7));
    BOOST_TEST(called);
    BOOST_TEST(*result.get() == 7);
}

BOOST_AUTO_TEST_CASE(an_async_result_fails_with_the_exception_of_its_deferred) {
    auto [deferred, promise] = make_deferred();
    const auto result = to_async_result(std::move(deferred));
    promise.errback(std::out_of_range("x"));
    BOOST_CHECK_THROW(result.get(), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(an_async_result_of_a_ready_deferred_is_ready) {
    BOOST_TEST(to_async_result(succeed(3)).get() == 3);
    const auto failed = to_async_result(fail<int>(std::out_of_range("x")));
    BOOST_CHECK_THROW(failed.get_nowait(), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(an_async_result_whose_deferred_is_forgotten_fails_with_broken_promise) {
    AsyncResult<int> result;
    {
        auto [deferred, promise] = make_deferred<int>();
        result = to_async_result(std::move(deferred));
    }
    BOOST_CHECK_THROW(result.get(), BrokenPromise);
}

BOOST_AUTO_TEST_CASE(waiting_for_an_async_result_in_the_thread_of_its_deferred_is_refused) {
    auto [deferred, promise] = make_deferred<int>();
    const auto result = to_async_result(std::move(deferred));
    BOOST_CHECK_THROW(result.get(), InvalidState);
    BOOST_CHECK_THROW(result.wait(1h), InvalidState);
    std::atomic<int> seen{0};
    std::thread other([&] { seen = result.get(); });
    promise.callback(7);
    other.join();
    BOOST_TEST(seen == 7);
}

BOOST_AUTO_TEST_CASE(a_deferred_runs_to_its_end_when_all_handles_have_gone) {
    const CaughtReports reports;
    bool ran = false;
    auto [deferred, promise] = make_deferred<int>();
    static_cast<void>(to_async_result(std::move(deferred).add_callback([&](int n) {
        ran = true;
        return n;
    })));
    BOOST_TEST(promise.wanted());
    promise.callback(7);
    BOOST_TEST(ran);
    BOOST_TEST(reports.count() == 0u);
    auto [other, other_promise] = make_deferred<int>();
    static_cast<void>(to_async_result(std::move(other)));
    other_promise.errback(std::runtime_error("nobody listens"));
    BOOST_TEST(reports.count() == 1u);
}

BOOST_AUTO_TEST_CASE(callbacks_of_an_async_result_run_where_the_dispatcher_says) {
    Home home;
    Dispatcher dispatcher;
    dispatcher.dispatch = home.poster();
    auto [deferred, promise] = make_deferred<int>();
    const auto result = to_async_result(std::move(deferred), dispatcher);
    int seen = 0;
    result.rawlink([&](const AsyncResult<int>& given) { seen = given.get(); });
    promise.callback(7);
    BOOST_TEST(seen == 0);
    home.run();
    BOOST_TEST(seen == 7);
    auto [waiting, other_promise] = make_deferred<int>();
    BOOST_CHECK_THROW(to_async_result(std::move(waiting), dispatcher).wait(), InvalidState);
    other_promise.callback(1);
}

BOOST_AUTO_TEST_CASE(an_async_result_that_somebody_else_set_makes_the_second_result_a_report) {
    const CaughtReports reports;
    auto [deferred, promise] = make_deferred<int>();
    const auto result = to_async_result(std::move(deferred));
    result.set(1);
    promise.callback(2);
    BOOST_TEST(result.get() == 1);
    BOOST_TEST(reports.count() == 1u);
    BOOST_TEST(reports.last().find("AlreadyFired") != std::string::npos);
}

// to_deferred --------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_deferred_fires_in_its_own_thread_with_a_copy_of_the_value) {
    Home home;
    const AsyncResult<std::string> result;
    std::string seen;
    auto deferred = to_deferred(result, home.poster()).add_callback([&](std::string s) { seen = std::move(s); });
    std::thread([result] { result.set("from afar"); }).join();
    BOOST_TEST(!deferred.ready());
    BOOST_TEST(home.posted.size() == 1u);
    home.run();
    BOOST_TEST(deferred.ready());
    BOOST_TEST(seen == "from afar");
    BOOST_TEST(result.get() == "from afar");
}

BOOST_AUTO_TEST_CASE(a_deferred_fails_with_the_exception_of_the_result) {
    Home home;
    const CaughtReports reports;
    std::optional<AsyncResult<int>> result(std::in_place);
    auto deferred = to_deferred(*result, home.poster());
    std::thread([given = *result] { given.set_exception(std::out_of_range("x")); }).join();
    result.reset();
    home.run();
    BOOST_TEST((deferred.take().failure().check<std::out_of_range>() != nullptr));
    BOOST_TEST(reports.count() == 0u);
}

BOOST_AUTO_TEST_CASE(a_ready_result_gives_a_ready_deferred) {
    Home home;
    const AsyncResult<int> result;
    result.set(7);
    BOOST_TEST(to_deferred(result, home.poster()).take().value() == 7);
    const AsyncResult<int> failed;
    failed.set_exception(std::out_of_range("x"));
    auto deferred = to_deferred(failed, home.poster());
    BOOST_TEST((deferred.take().failure().check<std::out_of_range>() != nullptr));
    BOOST_TEST(home.posted.empty());
}

BOOST_AUTO_TEST_CASE(a_deferred_whose_result_has_no_handle_left_fails_with_broken_promise) {
    Home home;
    auto result = std::make_unique<AsyncResult<int>>();
    auto deferred = to_deferred(*result, home.poster());
    std::thread([last = std::move(result)]() mutable { last.reset(); }).join();
    BOOST_TEST(!deferred.ready());
    home.run();
    BOOST_TEST((deferred.take().failure().check<BrokenPromise>() != nullptr));
}

BOOST_AUTO_TEST_CASE(dropping_the_deferred_unlinks_it_and_posts_nothing) {
    Home home;
    Token token;
    const AsyncResult<int> result;
    {
        auto dropped = to_deferred(result, [held = token.copy(), post = home.poster()](UniqueFunction<void()> f) {
                           post(std::move(f));
                       }).add_callback([](int) { BOOST_ERROR("called after it was dropped"); });
        BOOST_TEST(!token.gone());
    }
    BOOST_TEST(token.gone());
    result.set(7);
    BOOST_TEST(home.posted.empty());
}

BOOST_AUTO_TEST_CASE(cancelling_the_deferred_fails_it_with_cancelled_and_leaves_the_result_alone) {
    Home home;
    const AsyncResult<int> result;
    auto deferred = to_deferred(result, home.poster());
    deferred.cancel();
    BOOST_TEST((deferred.take().failure().check<Cancelled>() != nullptr));
    result.set(7);
    BOOST_TEST(home.posted.empty());
}

BOOST_AUTO_TEST_CASE(a_deferred_dropped_while_its_result_is_on_the_way_is_not_called) {
    Home home;
    const AsyncResult<int> result;
    auto deferred = to_deferred(result, home.poster()).add_callback([](int) { BOOST_ERROR("called after drop"); });
    result.set(7);
    BOOST_TEST(home.posted.size() == 1u);
    deferred = Deferred<>();
    home.run();
}

BOOST_AUTO_TEST_CASE(what_was_posted_may_be_dropped_in_any_thread) {
    Home home;
    const AsyncResult<int> result;
    auto deferred = to_deferred(result, home.poster());
    result.set(7);
    std::thread([posted = std::move(home.posted)]() mutable { posted.clear(); }).join();
    BOOST_TEST(!deferred.ready());
}

BOOST_AUTO_TEST_CASE(a_callback_may_drop_the_deferred_it_came_through) {
    Home home;
    const AsyncResult<int> result;
    Deferred<> deferred;
    deferred = to_deferred(result, home.poster()).add_callback([&](int) { deferred = Deferred<>(); });
    result.set(7);
    home.run();
    BOOST_TEST(!deferred.valid());
}

BOOST_AUTO_TEST_CASE(a_value_whose_copy_throws_fails_the_deferred) {
    struct Uncopied {
        Uncopied() = default;
        Uncopied(Uncopied&&) = default;
        Uncopied(const Uncopied&) { throw std::runtime_error("copy"); }
    };
    Home home;
    const AsyncResult<Uncopied> result;
    auto deferred = to_deferred(result, home.poster());
    result.set();
    home.run();
    BOOST_TEST(deferred.take().failure().message() == "std::runtime_error: copy");
}

BOOST_AUTO_TEST_CASE(a_result_goes_there_and_back) {
    Home home;
    auto [deferred, promise] = make_deferred<int>();
    auto back = to_deferred(to_async_result(std::move(deferred)), home.poster());
    promise.callback(7);
    home.run();
    BOOST_TEST(back.take().value() == 7);
}
