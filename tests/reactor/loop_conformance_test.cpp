// Every loop that comes with Plait keeps all the promises of the seam; the default one is whichever this run is on.
#define BOOST_TEST_MODULE reactor_loop_conformance
#include "plait/reactor/testing/loop_conformance.hpp"

#include <boost/test/unit_test.hpp>

#include "plait/reactor/detail/default_loop.hpp"
#include "plait/reactor/loops/epoll_loop.hpp"
#include "plait/reactor/loops/poll_loop.hpp"

using namespace plait;
using namespace plait::testing;

namespace {

const LoopCheckOptions everything{.several_events_on_one_descriptor = true};

void keeps_all_promises(const std::vector<std::string>& complaints) {
    BOOST_TEST(complaints == std::vector<std::string>(), boost::test_tools::per_element());
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_default_loop_keeps_every_promise) {
    keeps_all_promises(check_loop(detail::make_default_loop, everything));
}

BOOST_AUTO_TEST_CASE(a_loop_of_poll_alone_keeps_every_promise) {
    keeps_all_promises(check_loop([] { return std::make_unique<PollLoop>(); }, everything));
}

BOOST_AUTO_TEST_CASE(a_loop_of_epoll_alone_keeps_every_promise) {
    keeps_all_promises(check_loop([] { return std::make_unique<EpollLoop>(); }, everything));
}

BOOST_AUTO_TEST_CASE(checks_can_be_made_in_this_process) {
    LoopCheckOptions here = everything;
    here.in_own_process = false;
    keeps_all_promises(check_loop(detail::make_default_loop, here));
}
