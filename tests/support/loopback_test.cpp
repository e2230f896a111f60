#define BOOST_TEST_MODULE support_loopback
#include "plait/tests/support/loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

BOOST_AUTO_TEST_CASE(a_free_port_is_given_once) {
    std::set<std::uint16_t> ports;
    for (int i = 0; i < 50; ++i)
        ports.insert(plait::support::free_port());
    BOOST_TEST(ports.size() == 50u);
}

BOOST_AUTO_TEST_CASE(nobody_answers_on_a_free_port) {
    BOOST_TEST(!plait::support::exchange(plait::support::free_port(), "hello", std::chrono::seconds(5)));
}
