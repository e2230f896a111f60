#define BOOST_TEST_MODULE zk_error

#include <boost/test/unit_test.hpp>

#include "plait/zk/error.hpp"

using namespace plait;

BOOST_AUTO_TEST_CASE(an_error_says_what_was_asked_of_what_and_what_happened) {
    const zk::NoNode error("get", "/config/view");
    BOOST_TEST(error.what() == "get /config/view: there is no such node (NoNode)");
    BOOST_TEST(error.path() == "/config/view");
    BOOST_TEST(error.operation() == "get");
    BOOST_TEST((error.code() == zk::Code::no_node));
    BOOST_TEST(zk::BadArguments("get", "a", "the path must start with '/'").what() ==
               "get a: the arguments are not valid (BadArguments): the path must start with '/'");
}

BOOST_AUTO_TEST_CASE(each_code_gives_its_own_class) {
    BOOST_TEST(zk::make_error(zk::Code::no_node, "get", "/a").check<zk::NoNode>());
    BOOST_TEST(!zk::make_error(zk::Code::no_node, "get", "/a").check<zk::NodeExists>());
    for (int value = -1100; value < 0; ++value) {
        const auto code = static_cast<zk::Code>(value);
        const auto failure = zk::make_error(code, "get", "/a");
        BOOST_REQUIRE(failure.check<zk::Error>());
        BOOST_TEST((failure.check<zk::Error>()->code() == code));
    }
}

BOOST_AUTO_TEST_CASE(groups_say_what_the_caller_can_do) {
    BOOST_TEST(zk::make_error(zk::Code::connection_loss, "get").check<zk::Retryable>());
    BOOST_TEST(zk::make_error(zk::Code::session_expired, "get").check<zk::SessionOver>());
    BOOST_TEST(zk::make_error(zk::Code::not_empty, "remove").check<zk::Rejected>());
    BOOST_TEST(zk::make_error(zk::Code::bad_arguments, "get").check<zk::BadCall>());
    BOOST_TEST(zk::make_error(zk::Code::data_inconsistency, "get").check<zk::ServerFault>());
    BOOST_TEST(zk::make_error(zk::Code::not_empty, "remove").check<plait::Error>());
}

BOOST_AUTO_TEST_CASE(a_code_nobody_knows_is_an_error_like_any_other) {
    const auto failure = zk::make_error(static_cast<zk::Code>(-4711), "get", "/a");
    BOOST_REQUIRE(failure.check<zk::UnknownError>());
    BOOST_TEST(failure.check<zk::Error>()->what() ==
               "get /a: the server answered error -4711, which this client does not know");
    BOOST_TEST(zk::to_string(static_cast<zk::Code>(-4711)) == "code -4711");
}
