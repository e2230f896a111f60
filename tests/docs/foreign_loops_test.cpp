// The loop that docs/foreign_loops.md shows keeps every promise, and a reactor runs on it.
#define BOOST_TEST_MODULE docs_foreign_loops
#include <poll.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "plait/reactor/loops/epoll_loop.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/testing/loop_conformance.hpp"
#include "plait/tests/docs/my_loop.hpp"

using namespace plait;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(the_loop_of_a_hundred_lines_keeps_every_promise) {
    // snippet: check
    const std::vector<std::string> complaints = testing::check_loop([] { return std::make_unique<MyLoop>(); });
    BOOST_TEST(complaints == std::vector<std::string>(), boost::test_tools::per_element());
    // end of snippet
}

BOOST_AUTO_TEST_CASE(a_reactor_runs_on_it) {
    // snippet: reactor
    MyLoop loop;
    Reactor reactor(loop);
    reactor.run_until(reactor.sleep(5ms));
    // end of snippet
    std::string order;
    reactor.call_soon([&] { order += 'a'; });
    reactor.call_from_thread([&] { order += 'b'; });
    while (order.size() < 2)
        loop.turn();  // or turned by hand
    BOOST_TEST(order.size() == 2u);
}

BOOST_AUTO_TEST_CASE(any_loop_that_can_watch_one_descriptor_will_do) {
    bool done = false;
    // snippet: one_descriptor
    EpollLoop below;
    Reactor reactor(below);
    const Deferred<> waiting = reactor.sleep(5ms).add_callback([&] { done = true; });
    pollfd theirs{below.fileno(), POLLIN, 0};  // one among those that the program's own loop watches
    while (!done)
        if (::poll(&theirs, 1, -1) == 1) below.step(0us);  // never waits
    // end of snippet
    BOOST_TEST(done);
}
