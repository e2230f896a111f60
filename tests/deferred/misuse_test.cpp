// Mistakes that only the run can find: each is one sentence that names it, and one on what to do.
#define BOOST_TEST_MODULE deferred_misuse
#include <boost/test/unit_test.hpp>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/unique_function.hpp"
#include "support.hpp"

using namespace plait;

namespace {

/// What `body` says when it throws an E.
template <typename E, typename Body>
std::string said(Body body) {
    try {
        body();
    } catch (const E& error) {
        return error.what();
    }
    return "it threw nothing";
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::string here(unsigned line) {
    return "misuse_test.cpp:" + std::to_string(line);
}

}  // namespace

BOOST_AUTO_TEST_CASE(firing_twice_says_where_and_what_to_do) {
    auto pair = make_deferred<int>();
    pair.promise.callback(1);
    const auto text = said<AlreadyFired>([&] { pair.promise.callback(2); });
    const auto again = here(__LINE__ - 1);
    BOOST_TEST(has(text, "already been fired"));
    BOOST_TEST(has(text, "Make one for each result"));
    BOOST_TEST(has(text, again));
    BOOST_TEST(pair.deferred.take().value() == 1);
}

BOOST_AUTO_TEST_CASE(a_second_result_after_the_one_that_was_swallowed_says_so_too) {
    auto [deferred, promise] = make_deferred<int>();
    deferred.cancel();
    promise.callback(1);
    auto moved = std::move(promise);
    BOOST_TEST(has(said<AlreadyFired>([&] { moved.errback(TimeoutError()); }), "already been fired"));
    BOOST_TEST(!deferred.take().has_value());
}

BOOST_AUTO_TEST_CASE(a_canceller_that_answers_twice_is_told_so) {
    CaughtReports reports;
    auto [deferred, promise] = make_deferred<int>([](Promise<int>& answer) {
        answer.callback(1);
        answer.callback(2);
    });
    deferred.cancel();
    BOOST_TEST(deferred.take().value() == 1);
    BOOST_TEST(reports.count() == 1u);
    BOOST_TEST(has(reports.last(), "already been fired"));
}

BOOST_AUTO_TEST_CASE(firing_an_empty_promise_says_so) {
    Promise<int> empty;
    BOOST_TEST(has(said<InvalidState>([&] { empty.callback(1); }), "empty Promise"));
    BOOST_TEST(has(said<InvalidState>([&] { empty.errback(TimeoutError()); }), "empty Promise"));
    BOOST_TEST(!empty.wanted());
    empty.on_cancel([] {});  // nothing to cancel, nothing to say
}

BOOST_AUTO_TEST_CASE(each_use_of_an_empty_deferred_says_what_was_done_and_what_may_have_emptied_it) {
    const auto nothing = [](auto&&...) {};
    const auto use = [&](auto body) {
        Deferred<int> empty;
        const auto text = said<InvalidState>([&] { body(empty); });
        BOOST_TEST(has(text, "An empty Deferred was "));
        BOOST_TEST(has(text, "moved from"));
        return text;
    };
    use([&](auto& d) { std::ignore = std::move(d).add_callback([](int) {}); });
    use([&](auto& d) { std::ignore = std::move(d).add_errback([](const Failure&) { return 0; }); });
    use([&](auto& d) { std::ignore = std::move(d).add_both([](Result<int>) {}); });
    use([&](auto& d) { std::ignore = std::move(d).add_callbacks([](int) {}, [](const Failure&) {}); });
    use([&](auto& d) { std::move(d).detach(nothing); });
    use([&](auto& d) { std::ignore = d.take(); });
    use([&](auto& d) {
        auto sink = make_deferred<int>();
        std::move(sink.deferred).detach(nothing);  // its promise is broken by the mistake
        chain_deferred(std::move(d), std::move(sink.promise));
    });
    BOOST_TEST(has(use([&](auto& d) { d.cancel(); }), "was cancelled"));
    BOOST_TEST(has(use([&](auto& d) { std::ignore = d.pause(); }), "was paused"));
    BOOST_TEST(!Deferred<int>().ready());
}

BOOST_AUTO_TEST_CASE(taking_what_is_not_ready_says_where_it_was_made) {
    auto pair = make_deferred<int>();
    const auto made = here(__LINE__ - 1);
    const auto text = said<InvalidState>([&] { std::ignore = pair.deferred.take(); });
    BOOST_TEST(has(text, "not ready"));
    BOOST_TEST(has(text, made));
    pair.promise.callback(1);
    BOOST_TEST(pair.deferred.take().value() == 1);
}

BOOST_AUTO_TEST_CASE(awaiting_twice_says_so_at_the_second_await) {
    auto body = []() -> Deferred<std::string> {
        auto d = succeed(1);
        co_await std::move(d);
        std::string text;
        try {
            co_await std::move(d);
        } catch (const InvalidState& error) {
            text = error.what();
        }
        co_return text;
    };
    BOOST_TEST(has(body().take().value(), "awaited"));
}

BOOST_AUTO_TEST_CASE(waiting_for_itself_says_what_to_return_instead) {
    CaughtReports reports;
    auto [made, promise] = make_deferred<int>();
    Deferred<int> deferred;
    deferred = std::move(made).add_callback([&](int) { return std::move(deferred); });
    promise.callback(1);
    BOOST_TEST(reports.count() == 1u);
    BOOST_TEST(has(reports.last(), "wait for itself"));
    BOOST_TEST(has(reports.last(), "Return the value"));
}

BOOST_AUTO_TEST_CASE(a_null_function_is_refused_when_it_is_given_and_the_deferred_is_still_there) {
    auto deferred = succeed(1);
    auto give = [&](auto body) { return said<InvalidState>([&] { body(deferred); }); };
    const std::function<int(int)> no_function;
    int (*no_pointer)(int) = nullptr;
    int (*no_handler)(const Failure&) = nullptr;
    BOOST_TEST(has(give([&](auto& d) { std::ignore = std::move(d).add_callback(no_function); }), "add_callback()"));
    BOOST_TEST(has(give([&](auto& d) { std::ignore = std::move(d).add_callback(no_pointer); }), "null function"));
    BOOST_TEST(has(give([&](auto& d) { std::ignore = std::move(d).add_callback(UniqueFunction<int(int)>()); }),
                   "null function"));
    BOOST_TEST(has(give([&](auto& d) { std::ignore = std::move(d).add_errback(no_handler); }), "add_errback()"));
    BOOST_TEST(has(give([&](auto& d) {
                       std::ignore =
                           std::move(d).template add_errback<TimeoutError>(std::function<int(const TimeoutError&)>());
                   }),
                   "add_errback()"));
    BOOST_TEST(has(give([&](auto& d) { std::ignore = std::move(d).add_both(std::function<int(Result<int>)>()); }),
                   "add_both()"));
    BOOST_TEST(
        has(give([&](auto& d) { std::ignore = std::move(d).add_callbacks([](int n) { return n; }, no_handler); }),
            "add_callbacks()"));
    BOOST_TEST(has(
        give([&](auto& d) { std::ignore = std::move(d).add_callbacks(no_pointer, [](const Failure&) { return 0; }); }),
        "add_callbacks()"));
    BOOST_TEST(has(give([&](auto& d) { std::move(d).detach(no_handler); }), "detach()"));
    BOOST_TEST(deferred.take().value() == 1);
    BOOST_TEST(
        has(said<InvalidState>([] { std::ignore = make_deferred<int>(std::function<void()>()); }), "on_cancel()"));
    // Full ones, and captureless lambdas, are what they always were.
    const std::function<int(int)> twice = [](int n) { return 2 * n; };
    BOOST_TEST(succeed(2).add_callback(twice).take().value() == 4);
}
