// Twisted's acceptance cases of cancelling, each under its own name. Where an owner and two ends make a case read
// differently here, the line above it says how.
#define BOOST_TEST_MODULE deferred_acceptance_cancel
#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include "plait/deferred/deferred.hpp"
#include "support.hpp"

using namespace plait;

namespace {

bool is_cancelled(Deferred<int>& deferred) {
    const auto result = deferred.take();
    return !result.has_value() && result.failure().check<Cancelled>() != nullptr;
}

}  // namespace

BOOST_AUTO_TEST_CASE(no_canceller) {
    auto pair = make_deferred<int>();
    pair.deferred.cancel();
    BOOST_TEST(is_cancelled(pair.deferred));
    pair.promise.callback(1);  // late: swallowed, once
}

BOOST_AUTO_TEST_CASE(raises_after_cancel_and_callback) {
    auto pair = make_deferred<int>();
    pair.deferred.cancel();
    BOOST_TEST(is_cancelled(pair.deferred));
    pair.promise.callback(1);
    BOOST_CHECK_THROW(pair.promise.callback(2), AlreadyFired);
}

BOOST_AUTO_TEST_CASE(raises_after_cancel_and_errback) {
    auto pair = make_deferred<int>();
    pair.deferred.cancel();
    BOOST_TEST(is_cancelled(pair.deferred));
    pair.promise.errback(std::runtime_error("late"));
    BOOST_CHECK_THROW(pair.promise.errback(std::runtime_error("second")), AlreadyFired);
}

BOOST_AUTO_TEST_CASE(no_canceller_multiple_cancels_after_cancel_and_callback) {
    auto pair = make_deferred<int>();
    pair.deferred.cancel();
    pair.promise.callback(1);
    pair.deferred.cancel();
    pair.deferred.cancel();
    BOOST_CHECK_THROW(pair.promise.callback(2), AlreadyFired);
    BOOST_TEST(is_cancelled(pair.deferred));
}

BOOST_AUTO_TEST_CASE(no_canceller_multiple_cancels) {
    auto pair = make_deferred<int>();
    pair.deferred.cancel();
    pair.deferred.cancel();
    BOOST_TEST(is_cancelled(pair.deferred));
}

BOOST_AUTO_TEST_CASE(canceller_multiple_cancel) {
    int asked = 0;
    auto pair = make_deferred<int>([&] { ++asked; });
    pair.deferred.cancel();
    pair.deferred.cancel();
    BOOST_TEST(asked == 1);
    BOOST_TEST(is_cancelled(pair.deferred));
}

// There the late result after a canceller that did not fire raises; here who fires need not know whether it had one.
BOOST_AUTO_TEST_CASE(simple_canceller) {
    int asked = 0;
    auto pair = make_deferred<int>([&] { ++asked; });
    pair.deferred.cancel();
    BOOST_TEST(asked == 1);
    BOOST_TEST(!pair.promise.wanted());
    pair.promise.callback(1);
    BOOST_CHECK_THROW(pair.promise.callback(2), AlreadyFired);
    BOOST_TEST(is_cancelled(pair.deferred));
}

// The canceller's argument is the other end, not the Deferred.
BOOST_AUTO_TEST_CASE(canceller_arg) {
    bool unfired = false;
    auto pair = make_deferred<int>([&](Promise<int>& answer) { unfired = answer.wanted(); });
    pair.deferred.cancel();
    BOOST_TEST(unfired);
    BOOST_TEST(is_cancelled(pair.deferred));
}

BOOST_AUTO_TEST_CASE(cancel_after_callback) {
    auto pair = make_deferred<int>([] { BOOST_ERROR("its canceller was asked"); });
    pair.promise.callback(3);
    pair.deferred.cancel();
    BOOST_TEST(pair.deferred.take().value() == 3);
}

BOOST_AUTO_TEST_CASE(cancel_after_errback) {
    auto pair = make_deferred<int>([] { BOOST_ERROR("its canceller was asked"); });
    pair.promise.errback(std::runtime_error("first"));
    pair.deferred.cancel();
    BOOST_TEST(pair.deferred.take().failure().message() == "std::runtime_error: first");
}

BOOST_AUTO_TEST_CASE(canceller_that_callbacks) {
    auto pair = make_deferred<int>([](Promise<int>& answer) { answer.callback(4); });
    pair.deferred.cancel();
    BOOST_TEST(pair.deferred.take().value() == 4);
}

BOOST_AUTO_TEST_CASE(canceller_that_errbacks) {
    auto pair = make_deferred<int>([](Promise<int>& answer) { answer.errback(std::runtime_error("given up")); });
    pair.deferred.cancel();
    BOOST_TEST(pair.deferred.take().failure().message() == "std::runtime_error: given up");
}

BOOST_AUTO_TEST_CASE(cancel_nested_deferred) {
    int asked = 0;
    auto inner = make_deferred<int>([&] { ++asked; });
    auto start = make_deferred<int>([] { BOOST_ERROR("the outer's canceller was asked"); });
    auto outer = std::move(start.deferred).add_callback([&](int) { return std::move(inner.deferred); });
    start.promise.callback(0);
    outer.cancel();
    BOOST_TEST(asked == 1);
    BOOST_TEST(is_cancelled(outer));
}

// Twisted leaves open what becomes of it (6676). Here it is reported, and the chain sees Cancelled.
BOOST_AUTO_TEST_CASE(canceller_that_raises) {
    CaughtReports reports;
    auto pair = make_deferred<int>([] { throw std::runtime_error("canceller"); });
    pair.deferred.cancel();
    BOOST_TEST(is_cancelled(pair.deferred));
    BOOST_TEST(reports.count() == 1u);
}

// Circles of references: a canceller that keeps what it cancels. Here it keeps the other end.
BOOST_AUTO_TEST_CASE(canceller_circular_reference_callback) {
    Token token;
    auto pair = make_deferred<int>();
    auto kept = std::make_shared<std::optional<Promise<int>>>();
    pair.promise.on_cancel([kept, held = token.copy()] {});
    *kept = std::move(pair.promise);
    const std::weak_ptr<std::optional<Promise<int>>> watched = kept;
    (*std::exchange(kept, nullptr))->callback(1);
    BOOST_TEST(token.gone());
    BOOST_TEST(watched.expired());
    BOOST_TEST(pair.deferred.take().value() == 1);
}

BOOST_AUTO_TEST_CASE(canceller_circular_reference_errback) {
    Token token;
    auto pair = make_deferred<int>();
    auto kept = std::make_shared<std::optional<Promise<int>>>();
    pair.promise.on_cancel([kept, held = token.copy()] {});
    *kept = std::move(pair.promise);
    const std::weak_ptr<std::optional<Promise<int>>> watched = kept;
    (*std::exchange(kept, nullptr))->errback(std::runtime_error("x"));
    BOOST_TEST(token.gone());
    BOOST_TEST(watched.expired());
    BOOST_TEST(!pair.deferred.take().has_value());
}

BOOST_AUTO_TEST_CASE(canceller_circular_reference_non_reentrant) {
    Token token;
    auto pair = make_deferred<int>();
    pair.promise.on_cancel([held = token.copy()] {});
    bool gone_in_callback = false;
    auto last = std::move(pair.deferred).add_callback([&](int) { gone_in_callback = token.gone(); });
    pair.promise.callback(1);
    BOOST_TEST(gone_in_callback);
    BOOST_TEST(last.ready());
}
