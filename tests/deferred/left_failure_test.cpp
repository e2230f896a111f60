// Run case by case: Boost.Test has to fail the one that leaves an unhandled failure, and only that one.
#define BOOST_TEST_MODULE deferred_left_failure
#include <boost/test/unit_test.hpp>
#include <stdexcept>
#include <thread>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/testing/caught_reports.hpp"

using namespace plait;

BOOST_AUTO_TEST_CASE(leaves_one) {
    static_cast<void>(fail<int>(std::runtime_error("nobody handled this")));
}

BOOST_AUTO_TEST_CASE(leaves_one_in_a_thread) {
    std::thread([] { static_cast<void>(fail<int>(std::runtime_error("nobody handled this"))); }).join();
}

BOOST_AUTO_TEST_CASE(catches_it) {
    plait::testing::CaughtReports reports;
    static_cast<void>(fail<int>(std::runtime_error("expected")));
    reports.expect(1);
}
