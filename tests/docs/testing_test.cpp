// The code of docs/testing.md.
#define BOOST_TEST_MODULE docs_testing
#include <boost/test/unit_test.hpp>
#include <memory>
#include <stdexcept>

#include "plait/deferred/testing/caught_reports.hpp"
#include "plait/deferred/testing/manual_clock.hpp"
#include "plait/deferred/testing/outcomes.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/protocols/line_receiver.hpp"
#include "plait/reactor/tcp.hpp"
#include "plait/reactor/testing/boost_test.hpp"
#include "plait/reactor/testing/connected_pair.hpp"
#include "plait/reactor/testing/cuts.hpp"
#include "plait/reactor/testing/memory_endpoints.hpp"
#include "plait/reactor/testing/memory_reactor.hpp"
#include "plait/reactor/testing/memory_transport.hpp"
#include "plait/reactor/testing/recorder.hpp"

using namespace plait;           // NOLINT
using namespace plait::testing;  // NOLINT
using namespace std::chrono_literals;

// snippet: protocol
/// Adds up the numbers it is sent, one a line; says the sum after each.
class Adder : public LineReceiver {
    void line_received(Bytes line) override { send_line(std::to_string(sum_ += std::stoi(line.str()))); }
    int sum_ = 0;
};
// end of snippet

namespace {
Deferred<int> slow_answer(Clock& clock) {
    return clock.sleep(10s).add_callback([] { return 42; });
}
std::shared_ptr<Factory> adders() {
    return make_factory([](const Address&) { return std::make_shared<Adder>(); });
}
}  // namespace

// snippet: outcomes
BOOST_AUTO_TEST_CASE(the_answer_takes_ten_seconds) {
    ManualClock clock;
    auto answer = slow_answer(clock);
    clock.advance(9s);
    no_result(answer);
    clock.advance(1s);
    BOOST_TEST(success_of(answer) == 42);

    auto late = slow_answer(clock).add_timeout(clock, 5s);
    clock.advance(5s);
    failure_of<TimeoutError>(late);
}
// end of snippet

// snippet: reports
BOOST_AUTO_TEST_CASE(a_failure_that_is_dropped_is_reported) {
    CaughtReports reports;
    {
        const auto dropped = Deferred<>::fail(make_failure(std::runtime_error("lost")));
    }
    reports.expect(1);
}
// end of snippet

// snippet: transport
BOOST_AUTO_TEST_CASE(numbers_are_added) {
    MemoryTransport transport(std::make_shared<Adder>());
    transport.deliver("1\r\n2\r\n");
    BOOST_TEST(transport.take_written() == "1\r\n3\r\n");
    transport.deliver("many\r\n");  // std::stoi throws
    BOOST_TEST(transport.reason()->check<std::invalid_argument>() != nullptr);
}
// end of snippet

// snippet: cuts
BOOST_AUTO_TEST_CASE(numbers_are_added_however_they_are_cut) {
    for (const auto& pieces : ways_to_cut("1\r\n20\r\n-3\r\n")) {
        MemoryTransport transport(std::make_shared<Adder>());
        for (const auto& piece : pieces)
            transport.deliver(piece);
        BOOST_TEST(transport.written() == "1\r\n21\r\n18\r\n");
    }
}
// end of snippet

// snippet: pair
BOOST_AUTO_TEST_CASE(two_protocols_talk) {
    const auto client = std::make_shared<ProtocolRecorder>();
    ConnectedPair pair(client, std::make_shared<Adder>());
    client->transport().write("5\r\n6\r\n");
    pair.flush();  // until nothing moves
    BOOST_TEST(client->received == "5\r\n11\r\n");
    client->transport().lose_connection();
    pair.flush();
    BOOST_TEST(client->story() == "made data lost: done");
}
// end of snippet

// snippet: faults
BOOST_AUTO_TEST_CASE(sums_survive_a_bad_line) {
    for (const auto seed : seeds(50)) {
        const FaultPlan plan{.seed = seed, .split = 0.8, .delay = 0.3};
        BOOST_TEST_CONTEXT(plan) {  // printed if something fails: run that seed with PLAIT_TEST_SEED
            const auto client = std::make_shared<ProtocolRecorder>();
            ConnectedPair pair(client, std::make_shared<Adder>(), plan);
            client->transport().write("5\r\n6\r\n7\r\n");
            pair.flush();
            BOOST_TEST(client->received == "5\r\n11\r\n18\r\n");
        }
    }
}
// end of snippet

// snippet: network
BOOST_AUTO_TEST_CASE(a_server_that_does_not_answer_is_given_up) {
    MemoryReactor memory;
    const HostPort where{"adder.example", 7};
    memory.network.listen(where, adders());
    const auto endpoint = memory_client_endpoint(memory.network, where);

    memory.get(connect_protocol(*endpoint, std::make_shared<ProtocolRecorder>()));
    BOOST_TEST(memory.network.open_connections() == 1U);

    memory.network.set_unresponsive(where, true);
    auto waiting = connect_protocol(*endpoint, std::make_shared<ProtocolRecorder>()).add_timeout(memory.clock, 30s);
    memory.pass(30s);  // in no time
    failure_of<TimeoutError>(waiting);

    memory.network.set_unresponsive(where, false);
    memory.network.refuse_connections(where, make_failure(ConnectError("no route")));
    auto refused = connect_protocol(*endpoint, std::make_shared<ProtocolRecorder>());
    memory.settle();
    failure_of<ConnectError>(refused);
}
// end of snippet

// snippet: reactor
BOOST_FIXTURE_TEST_CASE(numbers_are_added_over_tcp, CleanReactor) {
    const auto port = listen_tcp(reactor, {"127.0.0.1", 0}, adders());
    const auto client = std::make_shared<ProtocolRecorder>();
    await(connect_tcp(reactor, {"127.0.0.1", port->address().port}, client));
    client->transport().write("1\r\n");
    await_until(reactor, [&] { return client->received == "1\r\n"; });
    client->transport().lose_connection();
}  // had it not been closed: "left on the reactor: a connection to 127.0.0.1:43211"
// end of snippet
