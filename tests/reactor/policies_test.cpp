#define BOOST_TEST_MODULE policies
#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "plait/deferred/testing/manual_clock.hpp"
#include "plait/deferred/testing/outcomes.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/protocols/connection_limits.hpp"
#include "plait/reactor/protocols/throttling.hpp"
#include "plait/reactor/protocols/timeout_factory.hpp"
#include "plait/reactor/protocols/traffic_log.hpp"
#include "plait/reactor/testing/memory_network.hpp"
#include "plait/reactor/testing/memory_transport.hpp"
#include "plait/tests/reactor/recorder.hpp"
#include "plait/tests/reactor/reports.hpp"

using namespace plait;           // NOLINT
using namespace plait::testing;  // NOLINT
using namespace std::chrono_literals;

namespace {

/// Recorders, the last of which is at hand.
struct Recorders {
    std::shared_ptr<Recorder> last;
    std::shared_ptr<Factory> factory =
        make_factory([this](const Address&) { return last = std::make_shared<Recorder>(); });
};

class PlainFactory final : public WrappingFactory {
public:
    using WrappingFactory::WrappingFactory;

private:
    std::shared_ptr<Protocol> wrap(std::shared_ptr<Protocol> protocol, const Address&) override {
        return std::make_shared<ProtocolWrapper>(std::move(protocol));
    }
};

const Address somebody{"10.0.0.9", 1};

}  // namespace

BOOST_AUTO_TEST_CASE(a_wrapped_protocol_cannot_tell) {
    Recorders recorders;
    PlainFactory factory(recorders.factory);
    const auto wrapper = factory.build_protocol(somebody);
    MemoryTransport transport(wrapper, {"10.1.1.1", 80}, somebody);
    auto& recorder = *recorders.last;
    auto& above = recorder.transport();
    BOOST_TEST((&above != &transport));

    transport.deliver("hello");
    above.write("text ");
    above.write(Bytes::copy("bytes "));
    const std::vector<Bytes> several{Bytes::copy("a"), Bytes::copy("b")};
    above.write_sequence(several);
    BOOST_TEST(recorder.received == "hello");
    BOOST_TEST(transport.written() == "text bytes ab");
    BOOST_TEST(above.write_buffered() == 13U);
    BOOST_TEST(above.bytes_received() == 5U);
    BOOST_TEST(transport.take_written(1) == "t");
    BOOST_TEST(above.bytes_sent() == 1U);
    BOOST_TEST((above.peer() == somebody));
    BOOST_TEST(above.host().port == 80);

    above.pause_producing();
    BOOST_TEST(transport.reading_paused());
    above.resume_producing();
    BOOST_TEST(!transport.reading_paused());

    NotedProducer producer;
    above.set_write_watermarks(1, 10);
    above.register_producer(producer);
    above.write("x");
    auto drained = above.drained();
    no_result(drained);
    transport.take_written();
    success_of(drained);
    BOOST_TEST(producer.told == "pause resume ");
    above.unregister_producer();
    BOOST_TEST(!transport.has_producer());

    above.lose_write_connection();
    BOOST_TEST(transport.write_closed());
    transport.deliver_end();
    BOOST_TEST(above.disconnecting());
    above.abort_connection();
    BOOST_TEST(transport.aborted());
    transport.lose_cleanly();
    BOOST_TEST(recorder.story() == "made data end lost: done");
    BOOST_TEST(!recorder.connected());
}

BOOST_AUTO_TEST_CASE(a_wrapped_protocol_may_be_exchanged_and_its_producer_goes_with_it) {
    Recorders recorders;
    const auto inner = std::make_shared<PlainFactory>(recorders.factory);
    PlainFactory outer(inner);
    MemoryTransport transport(outer.build_protocol(somebody));
    const auto first = recorders.last;
    auto& above = first->transport();
    NotedProducer producer;
    above.set_write_watermarks(1, 2);
    above.register_producer(producer);
    above.write("full");
    const auto next = std::make_shared<Recorder>();
    const auto before = above.hand_over(next);
    next->attach(above);
    BOOST_TEST((before.protocol == first));
    BOOST_TEST((before.producer == &producer));
    BOOST_TEST(before.producer_paused);
    BOOST_TEST(!transport.has_producer());
    transport.take_written();
    BOOST_TEST(producer.told == "pause ");
    transport.deliver("for the next");
    transport.lose_cleanly();
    BOOST_TEST(next->story() == "data lost: done");
    BOOST_TEST(first->story() == "made");
    BOOST_CHECK_THROW(next->transport().hand_over(first), UsageError);
}

BOOST_AUTO_TEST_CASE(the_time_outs_of_a_wrapped_protocol_are_those_of_the_connection_below) {
    for (const bool idle : {true, false}) {
        ManualClock clock;
        Recorders recorders;
        PlainFactory factory(recorders.factory);
        MemoryTransport transport(factory.build_protocol(somebody));
        transport.set_clock(clock);
        auto& above = recorders.last->transport();
        above.write("x");
        idle ? above.set_idle_timeout(1s) : above.set_write_timeout(1s);
        clock.advance(1s);
        BOOST_TEST(recorders.last->story() == "made lost: timed out");
        BOOST_TEST(clock.pending_calls() == 0U);
    }
}

BOOST_AUTO_TEST_CASE(wrappers_may_be_wrapped_and_end_from_within) {
    Recorders recorders;
    const auto inner = std::make_shared<PlainFactory>(recorders.factory);
    PlainFactory outer(inner);
    auto transport = std::make_unique<MemoryTransport>(outer.build_protocol(somebody));
    recorders.last->when_data = [&](Recorder&, const Bytes&) {
        transport.reset();
        recorders.last.reset();
    };
    const std::weak_ptr<Recorder> watched = recorders.last;
    transport->deliver("the end");
    BOOST_TEST(watched.expired());
}

BOOST_AUTO_TEST_CASE(what_a_wrapped_protocol_throws_ends_its_connection) {
    Recorders recorders;
    PlainFactory factory(recorders.factory);
    MemoryTransport transport(factory.build_protocol(somebody));
    recorders.last->when_data = [](Recorder&, const Bytes&) { throw std::runtime_error("no"); };
    transport.deliver("x");
    BOOST_TEST(recorders.last->story() == "made data lost: other");
}

BOOST_AUTO_TEST_CASE(a_factory_that_builds_nothing_is_not_wrapped) {
    PlainFactory factory(make_factory([](const Address&) { return nullptr; }));
    BOOST_TEST(!factory.build_protocol(somebody));
    BOOST_CHECK_THROW(PlainFactory(nullptr), std::invalid_argument);
    BOOST_CHECK_THROW(ProtocolWrapper(nullptr), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(no_more_connections_than_allowed_in_all) {
    Recorders recorders;
    LimitTotalConnectionsFactory factory(recorders.factory, 2);
    auto first = std::make_unique<MemoryTransport>(factory.build_protocol(somebody));
    MemoryTransport second(factory.build_protocol(somebody));
    BOOST_TEST(!factory.build_protocol(somebody));
    first->lose_broken();
    BOOST_TEST(factory.connections() == 1U);
    BOOST_TEST(!!factory.build_protocol(somebody));  // never connected: counted as long as it lives
    BOOST_TEST(factory.connections() == 1U);
}

BOOST_AUTO_TEST_CASE(those_beyond_the_limit_get_the_overflow_protocol_and_that_is_limited_too) {
    Recorders recorders;
    const auto sorry = make_factory([](const Address&) {
        auto protocol = std::make_shared<Recorder>();
        protocol->when_made = [](Recorder& self) {
            self.transport().write("full\r\n");
            self.transport().lose_connection();
        };
        return protocol;
    });
    LimitTotalConnectionsFactory factory(recorders.factory, 1, sorry, 1);
    MemoryTransport first(factory.build_protocol(somebody));
    MemoryTransport second(factory.build_protocol(somebody));
    BOOST_TEST(second.written() == "full\r\n");
    BOOST_TEST(factory.connections() == 1U);
    BOOST_TEST(factory.overflowing() == 1U);
    BOOST_TEST(!factory.build_protocol(somebody));
    second.lose_cleanly();
    BOOST_TEST(!!factory.build_protocol(somebody));
}

BOOST_AUTO_TEST_CASE(no_more_connections_than_allowed_from_one_address) {
    Recorders recorders;
    LimitConnectionsByPeerFactory factory(recorders.factory, 2);
    const auto build = [&](const char* ip) { return factory.build_protocol({ip, 1}); };
    MemoryTransport first(build("10.0.0.1"));
    auto second = std::make_unique<MemoryTransport>(build("::ffff:10.0.0.1"));
    BOOST_TEST(!build("10.0.0.1"));
    MemoryTransport other(build("10.0.0.2"));
    MemoryTransport v6(build("::1"));
    BOOST_TEST(factory.peers() == 3U);
    second.reset();
    MemoryTransport third(build("10.0.0.1"));
    for (auto* transport : {&first, &other, &v6, &third})
        transport->lose_cleanly();
    BOOST_TEST(factory.peers() == 0U);
}

BOOST_AUTO_TEST_CASE(connections_outlive_their_limits) {
    Recorders recorders;
    auto factory = std::make_unique<LimitConnectionsByPeerFactory>(recorders.factory);
    MemoryTransport first(factory->build_protocol(somebody));
    factory.reset();
    auto total = std::make_unique<LimitTotalConnectionsFactory>(recorders.factory, 1);
    MemoryTransport second(total->build_protocol(somebody));
    total.reset();
    first.deliver("x");
    second.lose_cleanly();
    BOOST_TEST(recorders.last->story() == "made lost: done");
}

BOOST_AUTO_TEST_CASE(a_connection_that_stands_still_is_closed_and_then_aborted) {
    ManualClock clock;
    Recorders recorders;
    TimeoutFactory factory(clock, recorders.factory, 10s);
    MemoryTransport transport(factory.build_protocol(somebody));
    transport.set_accepting(true);
    clock.advance(9s);
    transport.deliver("something");
    clock.advance(9s);
    recorders.last->transport().write("answer");
    clock.advance(9s);
    recorders.last->transport().write(Bytes::copy("more"));
    clock.advance(9s);
    const std::vector<Bytes> several{Bytes::copy("a"), Bytes::copy("b")};
    recorders.last->transport().write_sequence(several);
    clock.advance(9999ms);
    BOOST_TEST(!transport.disconnecting());
    clock.advance(1ms);
    BOOST_TEST(transport.disconnecting());
    BOOST_TEST(!transport.aborted());
    clock.advance(10s);
    BOOST_TEST(transport.aborted());
    transport.lose_broken();
    BOOST_TEST(clock.pending_calls() == 0U);
}

BOOST_AUTO_TEST_CASE(a_peer_that_still_takes_what_was_written_has_time_until_it_stops) {
    ManualClock clock;
    Recorders recorders;
    TimeoutFactory factory(clock, recorders.factory, 10s);
    MemoryTransport transport(factory.build_protocol(somebody));
    recorders.last->transport().write("much");
    for (int i = 0; i < 3; ++i) {
        transport.take_written(1);
        clock.advance(10s);
        BOOST_TEST(!transport.disconnecting());
    }
    clock.advance(10s);
    BOOST_TEST(transport.disconnecting());
    clock.advance(9s);
    recorders.last->transport().write("goes nowhere, and is no sign of life");
    clock.advance(1s);
    BOOST_TEST(transport.aborted());
    BOOST_CHECK_THROW(TimeoutFactory(clock, recorders.factory, 0s), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_lost_connection_takes_its_timer_with_it) {
    ManualClock clock;
    Recorders recorders;
    {
        TimeoutFactory factory(clock, recorders.factory);
        MemoryTransport transport(factory.build_protocol(somebody));
        BOOST_TEST(clock.pending_calls() == 1U);
        transport.lose_cleanly();
        BOOST_TEST(clock.pending_calls() == 0U);
        const auto never_connected = factory.build_protocol(somebody);
    }
    BOOST_TEST(clock.pending_calls() == 0U);
}

BOOST_AUTO_TEST_CASE(a_lost_connection_that_somebody_keeps_counts_no_more) {
    ManualClock clock;
    Recorders recorders;
    LimitTotalConnectionsFactory limited(recorders.factory, 1);
    const auto kept = std::static_pointer_cast<ProtocolWrapper>(limited.build_protocol(somebody));
    MemoryTransport transport(kept);
    BOOST_TEST((kept->wrapped() == recorders.last));
    transport.lose_cleanly();
    BOOST_TEST(limited.connections() == 0U);
    BOOST_TEST(!kept->wrapped());

    TimeoutFactory timed(clock, recorders.factory);
    const auto kept_too = timed.build_protocol(somebody);
    MemoryTransport other(kept_too);
    other.lose_cleanly();
    BOOST_TEST(clock.pending_calls() == 0U);
}

BOOST_AUTO_TEST_CASE(traffic_is_told_of_line_by_line) {
    Recorders recorders;
    std::string said;
    TrafficLoggingFactory factory(recorders.factory,
                                  [&said](const TrafficEvent& event) { said += describe(event, 8) + "\n"; });
    MemoryTransport transport(factory.build_protocol(somebody));
    transport.deliver("hello\r\n");
    recorders.last->transport().write("\"\x01");
    const std::vector<Bytes> several{Bytes::copy("a long line"), Bytes::copy("b")};
    recorders.last->transport().write_sequence(several);
    transport.deliver_end();
    transport.lose_cleanly();
    BOOST_TEST(
        said.starts_with("10.0.0.9:1 connected\n"
                         "10.0.0.9:1 received 7: \"hello\\r\\n\"\n"
                         "10.0.0.9:1 written 2: \"\\\"\\x01\"\n"
                         "10.0.0.9:1 written 11: \"a long l\"...\n"
                         "10.0.0.9:1 written 1: \"b\"\n"
                         "10.0.0.9:1 sends no more\n"
                         "10.0.0.9:1 lost: "));
}

BOOST_AUTO_TEST_CASE(a_log_that_throws_ends_that_connection) {
    const Reports reports;
    Recorders recorders;
    TrafficLoggingFactory factory(recorders.factory, [](const TrafficEvent& event) {
        if (event.kind != TrafficEvent::Kind::made) throw std::runtime_error("disk full");
    });
    MemoryTransport transport(factory.build_protocol(somebody));
    transport.deliver("x");
    BOOST_TEST(recorders.last->story() == "made lost: other");
    BOOST_TEST(reports.count() == 1U);  // of its being lost
}

BOOST_AUTO_TEST_CASE(what_a_log_throws_of_a_write_comes_out_of_it_and_nothing_is_written) {
    Recorders recorders;
    TrafficLoggingFactory factory(recorders.factory, [](const TrafficEvent& event) {
        if (event.kind == TrafficEvent::Kind::written) throw std::runtime_error("disk full");
    });
    MemoryTransport transport(factory.build_protocol(somebody));
    BOOST_CHECK_THROW(recorders.last->transport().write("x"), std::runtime_error);
    BOOST_TEST(transport.written() == "");
    BOOST_TEST(!transport.lost());
    BOOST_CHECK_THROW(TrafficLoggingFactory(recorders.factory, nullptr), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(what_is_wrapped_is_started_and_stopped_with_its_wrapper) {
    struct Noted final : Factory {
        std::shared_ptr<Protocol> build_protocol(const Address&) override { return nullptr; }
        void start_factory() override {
            if (refuses) throw std::runtime_error("not today");
            story += "start ";
        }
        void stop_factory() override { story += "stop "; }
        std::string story;
        bool refuses = false;
    };
    ManualClock clock;
    const auto noted = std::make_shared<Noted>();
    const auto overflow = std::make_shared<Noted>();
    const std::vector<std::shared_ptr<Factory>> policies{
        std::make_shared<PlainFactory>(noted),
        std::make_shared<TimeoutFactory>(clock, noted),
        std::make_shared<TrafficLoggingFactory>(noted, [](const TrafficEvent&) {}),
        std::make_shared<ThrottlingFactory>(clock, noted, ThrottleLimits{}),
        std::make_shared<LimitTotalConnectionsFactory>(noted, 1),
        std::make_shared<LimitTotalConnectionsFactory>(noted, 1, overflow),
        std::make_shared<LimitConnectionsByPeerFactory>(noted),
    };
    for (const auto& policy : policies) {
        noted->story.clear();
        policy->begin_use();
        policy->begin_use();  // a second port
        BOOST_TEST(noted->story == "start ");
        policy->end_use();
        policy->end_use();
        BOOST_TEST(noted->story == "start stop ");

        noted->refuses = true;
        BOOST_CHECK_THROW(policy->begin_use(), std::runtime_error);
        noted->refuses = false;
        policy->begin_use();
        policy->end_use();
        BOOST_TEST(noted->story == "start stop start stop ");
    }
    BOOST_TEST(overflow->story == "start stop start stop ");

    overflow->story.clear();
    noted->story.clear();
    overflow->refuses = true;
    LimitTotalConnectionsFactory both(noted, 1, overflow);
    BOOST_CHECK_THROW(both.begin_use(), std::runtime_error);
    BOOST_TEST(noted->story == "start stop ");
}
