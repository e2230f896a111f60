// The code of docs/reactor.md, section Protocols.
#define BOOST_TEST_MODULE docs_reactor_protocols
#include <boost/test/unit_test.hpp>

#include "plait/reactor/protocols/connection_limits.hpp"
#include "plait/reactor/protocols/line_only_receiver.hpp"
#include "plait/reactor/protocols/throttling.hpp"
#include "plait/reactor/protocols/timeout_factory.hpp"
#include "plait/reactor/protocols/timeout_mixin.hpp"
#include "plait/reactor/testing/memory_reactor.hpp"
#include "plait/reactor/testing/memory_transport.hpp"

using namespace plait;           // NOLINT
using namespace plait::testing;  // NOLINT
using namespace std::chrono_literals;

namespace {

// snippet: timeout
class Greeter : public LineOnlyReceiver, public TimeoutMixin {
public:
    explicit Greeter(Clock& clock) : TimeoutMixin(clock, *this) {}

    void connection_made() override { set_timeout(10s); }
    void line_received(Bytes name) override {
        reset_timeout();
        send_line("hello " + name.str());
    }
    void connection_lost(const Failure&) override { set_timeout(std::nullopt); }
};
// end of snippet

// snippet: policies
std::shared_ptr<Factory> careful(Clock& clock, std::shared_ptr<Factory> factory) {
    factory = std::make_shared<TimeoutFactory>(clock, factory, 5min);
    factory = std::make_shared<LimitConnectionsByPeerFactory>(factory, 10);
    const ThrottleLimits limits{.read = 1'000'000, .connections = 500};
    return std::make_shared<ThrottlingFactory>(clock, factory, limits);
}
// end of snippet

}  // namespace

BOOST_AUTO_TEST_CASE(a_greeter_greets_and_hangs_up) {
    ManualClock clock;
    MemoryTransport transport(std::make_shared<Greeter>(clock));
    clock.advance(9s);
    transport.deliver("world\r\n");
    BOOST_TEST(transport.written() == "hello world\r\n");
    clock.advance(9s);
    BOOST_TEST(!transport.disconnecting());
    clock.advance(1s);
    BOOST_TEST(transport.disconnecting());
}

BOOST_AUTO_TEST_CASE(limits_are_put_around_a_factory) {
    ManualClock clock;
    const auto factory =
        careful(clock, make_factory([&clock](const Address&) { return std::make_shared<Greeter>(clock); }));
    MemoryTransport transport(factory->build_protocol({"10.0.0.1", 1}));
    transport.deliver("world\r\n");
    BOOST_TEST(transport.written() == "hello world\r\n");
}
