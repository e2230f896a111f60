// How often the loop below wakes a reactor that has nothing to do, and descriptors with large numbers: on each loop.
#define BOOST_TEST_MODULE reactor_loop_waits
#include <fcntl.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <deque>
#include <vector>

#include "plait/tests/reactor/descriptor_limit.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"
#include "plait/tests/reactor/wrapped_loop.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

/// Counts all that it tells.
class CountingLoop final : public WrappedLoop {
public:
    std::unique_ptr<IOEvent> io_event_factory(int fd, EventHandler& handler) override {
        return WrappedLoop::io_event_factory(fd, counters_.emplace_back(*this, handler));
    }
    std::unique_ptr<TimerEvent> timer_event_factory(EventHandler& handler) override {
        return WrappedLoop::timer_event_factory(counters_.emplace_back(*this, handler));
    }

    int told = 0;

private:
    struct Counter final : EventHandler {
        Counter(CountingLoop& its_loop, EventHandler& its_handler) : loop(its_loop), handler(its_handler) {}
        void event_ready(IOFlags flags) noexcept override {
            ++loop.told;
            handler.event_ready(flags);
        }
        CountingLoop& loop;
        EventHandler& handler;
    };

    std::deque<Counter> counters_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_reactor_with_nothing_to_do_is_left_alone) {
    CountingLoop loop;
    Reactor reactor(loop);
    std::vector<std::shared_ptr<Recorder>> served;
    const auto port = listen_tcp(reactor, {"127.0.0.1", 0}, make_factory([&](const Address&) {
                                     served.push_back(std::make_shared<Recorder>());
                                     served.back()->close_at_end = false;
                                     return std::static_pointer_cast<Protocol>(served.back());
                                 }));
    RawPeer quiet(port->address());
    RawPeer half_closed(port->address());
    RawPeer unread(port->address());
    testing::run_until(reactor, [&] { return served.size() == 3; });
    served[2]->transport().pause_producing();
    half_closed.end_writing();
    unread.send("nobody reads this");
    testing::run_until(reactor, [&] { return served[1]->events.back() == "end"; });
    auto far = reactor.call_later(1h, [] {});
    settle(reactor);

    const int before = loop.told;
    reactor.run_until(reactor.sleep(50ms));
    BOOST_TEST(loop.told - before <= 3);  // the end of the sleep, and what was set for before
}

BOOST_AUTO_TEST_CASE(a_timer_that_is_due_wakes_the_reactor_once) {
    CountingLoop loop;
    Reactor reactor(loop);
    settle(reactor);
    const int before = loop.told;
    for (int i = 0; i < 10; ++i)
        reactor.run_until(reactor.sleep(2ms));
    BOOST_TEST(loop.told - before <= 20);
}

BOOST_AUTO_TEST_CASE(a_descriptor_above_1024_is_one_like_any_other, *boost::unit_test::precondition(MayOpen(1'200))) {
    std::vector<UniqueFd> fill;
    do
        fill.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    while (fill.back().get() >= 0 && fill.back().get() < 1'024);
    BOOST_REQUIRE(fill.back().get() >= 1'024);

    TcpFixture on;  // its port, too, has such a number
    auto client = on.connect_and_accept();
    BOOST_TEST(::fcntl(fill.back().get() + 1, F_GETFD) >= 0);
    client->transport().write(numbered(300'000));
    on.wait([&] { return on.served.front()->received.size() == 300'000u; });
    BOOST_TEST(on.served.front()->received == numbered(300'000));
}
