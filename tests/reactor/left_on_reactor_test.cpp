// Cases that leave something on their reactor, each of which has to fail: see meson.build.
#define BOOST_TEST_MODULE left_on_reactor
#include <boost/test/unit_test.hpp>
#include <memory>

#include "plait/reactor/tcp.hpp"
#include "plait/reactor/testing/boost_test.hpp"
#include "plait/reactor/testing/recorder.hpp"

using namespace plait;           // NOLINT
using namespace plait::testing;  // NOLINT

BOOST_FIXTURE_TEST_CASE(leaves_a_timer, CleanReactor) {
    reactor.call_later(std::chrono::hours(1), [] {}).detach();
    BOOST_TEST(true);
}

BOOST_FIXTURE_TEST_CASE(leaves_a_connection, CleanReactor) {
    const auto port = listen_tcp(reactor, {"127.0.0.1", 0}, std::make_shared<RecorderFactory>());
    const auto client = std::make_shared<ProtocolRecorder>();
    await(connect_tcp(reactor, {"127.0.0.1", port->address().port}, client));
    BOOST_TEST(true);
}

BOOST_FIXTURE_TEST_CASE(leaves_nothing, CleanReactor) {
    await(reactor.sleep(std::chrono::milliseconds(1)));
    BOOST_TEST(true);
}
