#define BOOST_TEST_MODULE deferred_drop
#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "plait/deferred/deferred.hpp"
#include "support.hpp"

using namespace plait;

BOOST_AUTO_TEST_CASE(dropping_a_deferred_destroys_its_callbacks_unrun) {
    Token token;
    auto [deferred, promise] = make_deferred<int>();
    {
        auto dropped = std::move(deferred).add_callback([seen = token.copy()](int n) { *seen = n; });
        BOOST_TEST(!token.gone());
    }
    BOOST_TEST(token.gone());
    BOOST_TEST(!promise.wanted());
    promise.callback(7);  // late, and harmless
    BOOST_TEST(*token.copy() == 0);
}

BOOST_AUTO_TEST_CASE(dropping_asks_the_canceller_and_ignores_its_answer) {
    CaughtReports reports;
    int asked = 0;
    auto [deferred, promise] = make_deferred<int>([&](Promise<int>& answer) {
        ++asked;
        BOOST_TEST(!answer.wanted());
        answer.errback(std::runtime_error("nobody listens"));
    });
    {
        auto dropped = std::move(deferred);
    }
    BOOST_TEST(asked == 1);
    BOOST_TEST(reports.count() == 0u);
}

BOOST_AUTO_TEST_CASE(the_canceller_is_asked_before_the_callbacks_are_destroyed) {
    Token token;
    bool there = false;
    auto [deferred, promise] = make_deferred([&] { there = !token.gone(); });
    {
        auto dropped = std::move(deferred).add_callback([held = token.copy()] {});
    }
    BOOST_TEST(there);
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(assigning_over_a_waiting_deferred_drops_it) {
    int asked = 0;
    auto [made, promise] = make_deferred<int>([&] { ++asked; });
    Deferred<int> deferred = std::move(made);
    deferred = succeed(2);
    BOOST_TEST(asked == 1);
    BOOST_TEST(deferred.take().value() == 2);
}

BOOST_AUTO_TEST_CASE(dropping_the_outer_drops_the_inner_it_waits_for_innermost_first) {
    std::vector<std::string> order;
    struct Note {
        std::vector<std::string>* order;
        std::string what;
        ~Note() { order->push_back(what); }
    };
    auto note = [&](const char* what) { return std::shared_ptr<Note>(new Note{&order, what}); };
    auto [inner, inner_promise] = make_deferred<int>([&] { order.push_back("inner canceller"); });
    auto inner_last = std::move(inner).add_callback([held = note("inner callback")](int n) { return n; });
    auto [outer, outer_promise] = make_deferred<int>();
    {
        auto last = std::move(outer)
                        .add_callback([&](int) { return std::move(inner_last); })
                        .add_callback([held = note("outer callback")](int) {});
        outer_promise.callback(1);
    }
    BOOST_TEST(order == (std::vector<std::string>{"inner canceller", "inner callback", "outer callback"}),
               boost::test_tools::per_element());
    BOOST_TEST(!inner_promise.wanted());
}

BOOST_AUTO_TEST_CASE(a_callback_may_drop_its_own_deferred_and_the_rest_is_destroyed_unrun) {
    Token token;
    bool ran = false;
    auto [made, promise] = make_deferred<int>();
    auto deferred = std::make_unique<Deferred<>>();
    *deferred = std::move(made)
                    .add_callback([&deferred](int n) {
                        deferred.reset();
                        return n;
                    })
                    .add_callback([&ran, held = token.copy()](int) { ran = true; });
    promise.callback(1);
    BOOST_TEST(!ran);
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(a_callback_may_destroy_the_object_that_owns_everything) {
    struct Owner {
        Promise<int> promise;
        Deferred<> deferred;
    };
    bool ran = false;
    auto owner = std::make_unique<Owner>();
    auto [deferred, promise] = make_deferred<int>();
    owner->promise = std::move(promise);
    owner->deferred = std::move(deferred)
                          .add_callback([&owner](int n) {
                              owner.reset();
                              return n;
                          })
                          .add_callback([&ran](int) { ran = true; });
    owner->promise.callback(1);
    BOOST_TEST(!owner);
    BOOST_TEST(!ran);
}

BOOST_AUTO_TEST_CASE(what_a_callback_throws_after_dropping_its_own_deferred_is_reported) {
    CaughtReports reports;
    auto [made, promise] = make_deferred<int>();
    Deferred<> deferred;
    deferred = std::move(made).add_callback([&deferred](int) {
        deferred = Deferred<>();
        throw std::runtime_error("nobody left");
    });
    promise.callback(1);
    BOOST_TEST(reports.count() == 1u);
}

BOOST_AUTO_TEST_CASE(a_deferred_returned_by_a_callback_that_dropped_its_own_is_dropped_too) {
    int asked = 0;
    auto [inner, inner_promise] = make_deferred<int>([&] { ++asked; });
    auto [made, promise] = make_deferred<int>();
    Deferred<int> deferred;
    deferred = std::move(made).add_callback([&](int) {
        deferred = Deferred<int>();
        return std::move(inner);
    });
    promise.callback(1);
    BOOST_TEST(asked == 1);
    BOOST_TEST(!inner_promise.wanted());
}

BOOST_AUTO_TEST_CASE(the_inner_chain_may_drop_the_outer_that_waits_for_it) {
    bool ran = false;
    Deferred<> outer;
    auto [inner, inner_promise] = make_deferred<int>();
    auto inner_last = std::move(inner)
                          .add_callback([&](int n) {
                              outer = Deferred<>();
                              return n;
                          })
                          .add_callback([&](int n) {
                              ran = true;
                              return n;
                          });
    outer = succeed().add_callback([&] { return std::move(inner_last); }).add_callback([&](int) { ran = true; });
    inner_promise.callback(1);
    BOOST_TEST(!outer.valid());
    BOOST_TEST(!ran);
}

BOOST_AUTO_TEST_CASE(a_canceller_may_destroy_the_promise_and_other_waiting_deferreds) {
    std::vector<Deferred<>> others;
    std::optional<Promise<>> kept;
    auto [other, other_promise] = make_deferred();
    others.push_back(std::move(other));
    auto [deferred, promise] = make_deferred([&] {
        kept.reset();
        others.clear();
    });
    kept = std::move(promise);
    {
        auto dropped = std::move(deferred);
    }
    BOOST_TEST(!kept.has_value());
    BOOST_TEST(!other_promise.wanted());
}

BOOST_AUTO_TEST_CASE(the_destructor_of_a_capture_may_drop_another_deferred) {
    auto [other, other_promise] = make_deferred<int>();
    auto [deferred, promise] = make_deferred();
    {
        auto dropped = std::move(deferred).add_callback([held = std::move(other)]() mutable { held.cancel(); });
    }
    BOOST_TEST(!other_promise.wanted());
}

BOOST_AUTO_TEST_CASE(a_value_nobody_took_is_destroyed_once) {
    Token token;
    auto [deferred, promise] = make_deferred<std::shared_ptr<int>>();
    {
        auto dropped = std::move(deferred).add_callback([](std::shared_ptr<int> p) { return p; });
        promise.callback(token.copy());
        BOOST_TEST(!token.gone());
    }
    BOOST_TEST(token.gone());
}

// detach -------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_detached_chain_runs_to_its_end_without_an_owner) {
    int seen = 0;
    auto [inner, inner_promise] = make_deferred<int>();
    auto [deferred, promise] = make_deferred<int>();
    std::move(deferred)
        .add_callback([&](int) { return std::move(inner); })
        .add_callback([&](int n) { seen = n; })
        .detach([](const Failure&) { BOOST_ERROR("it failed"); });
    promise.callback(1);
    inner_promise.callback(2);
    BOOST_TEST(seen == 2);
}

BOOST_AUTO_TEST_CASE(a_detached_chain_gives_its_failure_to_the_handler) {
    std::string seen;
    auto log = [&](const Failure& failure) { seen = failure.message(); };
    auto [deferred, promise] = make_deferred<int>();
    std::move(deferred).detach(log);
    promise.errback(std::runtime_error("late"));
    BOOST_TEST(seen == "std::runtime_error: late");
    fail<int>(std::runtime_error("at once")).detach(log);
    BOOST_TEST(seen == "std::runtime_error: at once");
    succeed(1).detach(log);
    {
        auto [broken, unfired] = make_deferred<int>();
        std::move(broken).detach(log);
    }
    BOOST_TEST(seen.find("BrokenPromise") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_the_handler_of_a_detached_chain_throws_is_reported) {
    CaughtReports reports;
    auto handler = [](const Failure&) { throw std::logic_error("handler"); };
    auto [deferred, promise] = make_deferred<int>();
    std::move(deferred).detach(handler);
    promise.errback(std::runtime_error("x"));
    BOOST_TEST(reports.count() == 1u);
    fail<int>(std::runtime_error("x")).detach(handler);
    BOOST_TEST(reports.count() == 2u);
    BOOST_TEST(reports.last() == "std::logic_error: handler");
}

BOOST_AUTO_TEST_CASE(a_detached_chain_releases_everything_when_it_ends) {
    Token token;
    auto [deferred, promise] = make_deferred<std::shared_ptr<int>>();
    std::move(deferred)
        .add_callback([held = token.copy()](std::shared_ptr<int> p) { return p; })
        .detach([](const Failure&) {});
    promise.callback(token.copy());
    BOOST_TEST(token.gone());
}
