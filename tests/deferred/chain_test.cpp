#define BOOST_TEST_MODULE deferred_chain
#include <boost/test/unit_test.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/maybe.hpp"

using namespace plait;

BOOST_AUTO_TEST_CASE(callbacks_run_in_order_each_on_the_result_of_the_one_before) {
    auto [deferred, promise] = make_deferred<int>();
    auto text = std::move(deferred)
                    .add_callback([](int n) { return n + 1; })
                    .add_callback([](int n) { return std::to_string(n); })
                    .add_callback([](const std::string& s) { return s + "!"; });
    BOOST_TEST(!text.ready());
    promise.callback(41);
    BOOST_TEST(text.ready());
    BOOST_TEST(text.take().value() == "42!");
}
