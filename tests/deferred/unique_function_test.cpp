#define BOOST_TEST_MODULE deferred_unique_function
#include "plait/deferred/unique_function.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <stdexcept>
#include <utility>

#include "plait/deferred/errors.hpp"
#include "support.hpp"

using namespace plait;

BOOST_AUTO_TEST_CASE(it_holds_callables_that_can_only_be_moved) {
    UniqueFunction<int(int)> add = [p = std::make_unique<int>(2)](int n) { return n + *p; };
    BOOST_TEST(add(3) == 5);
    auto moved = std::move(add);
    BOOST_TEST(!add);
    BOOST_TEST(moved(4) == 6);
}

BOOST_AUTO_TEST_CASE(callables_too_large_for_the_inside_work_the_same) {
    std::array<int, 100> big{};
    big[99] = 7;
    UniqueFunction<int()> last = [big] { return big[99]; };
    auto moved = std::move(last);
    BOOST_TEST(moved() == 7);
}

BOOST_AUTO_TEST_CASE(the_callable_is_destroyed_once_by_the_destructor_by_reset_and_by_assignment) {
    Token token;
    {
        UniqueFunction<void()> f = [held = token.copy()] {};
    }
    BOOST_TEST(token.gone());
    UniqueFunction<void()> f = [held = token.copy()] {};
    f.reset();
    BOOST_TEST(token.gone());
    f = [held = token.copy()] {};
    f = nullptr;
    BOOST_TEST(token.gone());
    f = [held = token.copy(), padding = std::array<char, 200>()] { return padding[0]; };
    f = [] {};
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(arguments_and_results_may_be_references_and_move_only) {
    int n = 1;
    UniqueFunction<int&(int&)> same = [](int& m) -> int& { return m; };
    same(n) = 5;
    BOOST_TEST(n == 5);
    UniqueFunction<std::unique_ptr<int>(std::unique_ptr<int>)> pass = [](std::unique_ptr<int> p) { return p; };
    BOOST_TEST(*pass(std::make_unique<int>(3)) == 3);
    UniqueFunction<void(int)> ignoring = [](int m) { return m; };
    ignoring(1);
}

BOOST_AUTO_TEST_CASE(calling_an_empty_one_says_so) {
    UniqueFunction<void()> empty;
    BOOST_CHECK_THROW(empty(), InvalidState);
    BOOST_TEST(!UniqueFunction<void()>(nullptr));
}
