#define BOOST_TEST_MODULE deferred_failure
#include <boost/test/unit_test.hpp>
#include <stdexcept>
#include <string>
#include <utility>

#include "plait/deferred/errors.hpp"
#include "plait/deferred/failure.hpp"

using namespace plait;

BOOST_AUTO_TEST_CASE(check_finds_the_type_and_its_bases_and_nothing_else) {
    auto failure = make_failure(std::invalid_argument("x"));
    BOOST_TEST(failure.check<std::invalid_argument>() != nullptr);
    BOOST_TEST(failure.check<std::logic_error>() != nullptr);
    BOOST_TEST(failure.check<std::exception>() != nullptr);
    BOOST_TEST(failure.check<std::runtime_error>() == nullptr);
}

BOOST_AUTO_TEST_CASE(current_takes_the_exception_being_handled) {
    try {
        throw std::runtime_error("thrown");
    } catch (...) {
        auto failure = Failure::current();
        BOOST_TEST(failure.message() == "std::runtime_error: thrown");
        BOOST_TEST(failure.origin().line() == static_cast<unsigned>(__LINE__ - 2));
    }
    BOOST_TEST(Failure::current().check<InvalidState>() != nullptr);
    BOOST_TEST(Failure(nullptr).check<InvalidState>() != nullptr);
}

BOOST_AUTO_TEST_CASE(raise_throws_the_exception_with_its_own_type) {
    BOOST_CHECK_THROW(make_failure(std::out_of_range("x")).raise(), std::out_of_range);
    BOOST_CHECK_THROW(make_failure(42).raise(), int);
}

BOOST_AUTO_TEST_CASE(an_exception_outside_the_standard_tree_still_has_a_message) {
    auto failure = make_failure(42);
    BOOST_TEST(failure.exception() == nullptr);
    BOOST_TEST(failure.check<std::exception>() == nullptr);
    BOOST_TEST(failure.message() == "int");
}

BOOST_AUTO_TEST_CASE(copies_share_the_exception_and_outlive_each_other) {
    auto first = make_failure(std::runtime_error("kept"));
    auto second = first;
    const auto* seen = first.exception();
    first = make_failure(std::runtime_error("other"));
    BOOST_TEST(second.exception() == seen);
    BOOST_TEST(second.message() == "std::runtime_error: kept");
    second = std::move(first);
    BOOST_TEST(second.message() == "std::runtime_error: other");
}

BOOST_AUTO_TEST_CASE(a_moved_from_failure_is_harmless) {
    auto first = make_failure(std::runtime_error("x"));
    auto second = std::move(first);
    BOOST_TEST(first.message() == "moved-from Failure");
    BOOST_TEST(first.exception() == nullptr);
    BOOST_CHECK_THROW(first.raise(), InvalidState);
}
