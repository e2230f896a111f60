// The kit for those who test with Deferreds: caught reports, outcomes.
#define BOOST_TEST_MODULE deferred_testing_kit
#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "plait/deferred/testing/caught_reports.hpp"
#include "plait/deferred/testing/outcomes.hpp"

using namespace plait;
using namespace plait::testing;

namespace {

void leave_a_failure(const char* what) {
    static_cast<void>(fail<int>(std::runtime_error(what)));
}

/// The sentence of the UnexpectedOutcome that `f` throws.
std::string complaint(const std::function<void()>& f) {
    try {
        f();
    } catch (const UnexpectedOutcome& error) {
        return error.what();
    }
    return "none";
}

bool contains(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(reports_are_caught_with_message_and_place) {
    CaughtReports reports;
    leave_a_failure("one");
    leave_a_failure("two");
    BOOST_TEST(reports.count() == 2u);
    BOOST_TEST(reports.last() == "std::runtime_error: two");
    const auto all = reports.take();
    BOOST_TEST(all.at(0).message == "std::runtime_error: one");
    BOOST_TEST(contains(all.at(0).line(), "testing_kit_test.cpp:"));
    BOOST_TEST(reports.count() == 0u);
    BOOST_CHECK_THROW(reports.last(), UnexpectedOutcome);
}

BOOST_AUTO_TEST_CASE(expect_names_each_report_when_the_number_is_wrong) {
    CaughtReports reports;
    BOOST_TEST(complaint([&] { reports.expect(0); }) == "none");
    leave_a_failure("surprise");
    BOOST_TEST(contains(complaint([&] { reports.expect(0); }), "std::runtime_error: surprise"));
    BOOST_TEST(complaint([&] { reports.expect(0); }) == "none");  // said once
    BOOST_TEST(complaint([&] { reports.expect(1); }) != "none");
}

BOOST_AUTO_TEST_CASE(the_last_made_catches_and_the_one_before_goes_on_afterwards) {
    CaughtReports outer;
    {
        CaughtReports inner;
        leave_a_failure("inside");
        BOOST_TEST(inner.count() == 1u);
    }
    BOOST_TEST(outer.count() == 0u);
    leave_a_failure("outside");
    BOOST_TEST(outer.count() == 1u);
}

BOOST_AUTO_TEST_CASE(reports_of_other_threads_are_caught_too) {
    CaughtReports reports;
    std::thread one([] { leave_a_failure("there"); });
    std::thread two([] { leave_a_failure("and there"); });
    one.join();
    two.join();
    reports.expect(2);
}

BOOST_AUTO_TEST_CASE(success_of_gives_the_value_or_says_what_is_there_instead) {
    BOOST_TEST(success_of(succeed(7)) == 7);
    BOOST_TEST(*success_of(succeed(std::make_unique<int>(7))) == 7);
    auto [deferred, promise] = make_deferred<int>();
    BOOST_TEST(contains(complaint([&] { success_of(deferred); }), "no result yet"));
    promise.callback(8);
    BOOST_TEST(success_of(deferred) == 8);
    BOOST_CHECK_THROW(success_of(deferred), InvalidState);
    const std::string said = complaint([] { success_of(fail<int>(std::runtime_error("lost"))); });
    BOOST_TEST(contains(said, "std::runtime_error: lost"));
    BOOST_TEST(contains(said, "testing_kit_test.cpp"));
}

BOOST_AUTO_TEST_CASE(failure_of_gives_the_failure_or_the_exception_and_handles_it) {
    const CaughtReports reports;
    BOOST_TEST(failure_of(fail<int>(std::runtime_error("lost"))).message() == "std::runtime_error: lost");
    BOOST_TEST(failure_of<std::out_of_range>(fail<int>(std::out_of_range("x"))).what() == "x");
    BOOST_TEST(contains(complaint([] { failure_of<std::out_of_range>(fail<int>(std::range_error("no"))); }), "no"));
    BOOST_TEST(failure_of<std::logic_error>(fail<int>(std::out_of_range("too far")), "far").what() == "too far");
    const std::string said = complaint([] { failure_of<Error>(fail<int>(Error("too far")), "near"); });
    BOOST_TEST(contains(said, "does not say \"near\": too far"));
    BOOST_TEST(contains(complaint([] { failure_of(succeed(1)); }), "has a value"));
    auto [deferred, promise] = make_deferred<int>();
    BOOST_TEST(contains(complaint([&] { failure_of(deferred); }), "no result yet"));
    BOOST_TEST(reports.count() == 0u);
}

BOOST_AUTO_TEST_CASE(no_result_is_quiet_until_there_is_one) {
    auto [deferred, promise] = make_deferred<int>();
    BOOST_TEST(complaint([&] { no_result(deferred); }) == "none");
    promise.callback(1);
    BOOST_TEST(complaint([&] { no_result(deferred); }) != "none");
}
