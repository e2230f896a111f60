#define BOOST_TEST_MODULE throttling
#include "plait/reactor/protocols/throttling.hpp"

#include <boost/test/unit_test.hpp>
#include <memory>

#include "plait/deferred/testing/manual_clock.hpp"
#include "plait/deferred/testing/outcomes.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/testing/memory_network.hpp"
#include "plait/reactor/testing/memory_transport.hpp"
#include "plait/tests/reactor/recorder.hpp"

using namespace plait;           // NOLINT
using namespace plait::testing;  // NOLINT
using namespace std::chrono_literals;

namespace {

struct Throttled {
    explicit Throttled(ThrottleLimits limits) : factory(std::make_unique<ThrottlingFactory>(clock, plain, limits)) {}

    std::unique_ptr<MemoryTransport> connect() {
        return std::make_unique<MemoryTransport>(factory->build_protocol({"10.0.0.9", 1}));
    }

    ManualClock clock;
    std::shared_ptr<Recorder> last;
    std::shared_ptr<Factory> plain =
        make_factory([this](const Address&) { return last = std::make_shared<Recorder>(); });
    std::unique_ptr<ThrottlingFactory> factory;
};

std::string bytes(std::size_t count) {
    return std::string(count, 'x');
}

}  // namespace

BOOST_AUTO_TEST_CASE(reading_stops_on_every_connection_until_the_average_is_the_limit) {
    Throttled all({.read = 100});
    const auto one = all.connect();
    const auto other = all.connect();
    one->deliver(bytes(100));
    BOOST_TEST(!all.factory->reading_throttled());
    other->deliver(bytes(50));
    BOOST_TEST(one->reading_paused());
    BOOST_TEST(other->reading_paused());
    all.clock.advance(499ms);
    BOOST_TEST(one->reading_paused());
    all.clock.advance(1ms);
    BOOST_TEST(!one->reading_paused());
    BOOST_TEST(!other->reading_paused());
    BOOST_TEST(all.clock.pending_calls() == 0U);
    one->deliver(bytes(1));  // a second's worth was taken already
    BOOST_TEST(one->reading_paused());
}

BOOST_AUTO_TEST_CASE(over_a_long_time_no_more_than_the_limit_passes) {
    Throttled all({.read = 1000});
    const auto one = all.connect();
    std::size_t passed = 0;
    for (int tick = 0; tick < 600; ++tick) {
        for (int i = 0; i < 5 && !one->reading_paused(); ++i, passed += 37)
            one->deliver(bytes(37));
        all.clock.advance(100ms);
    }
    BOOST_TEST(passed <= 61'000U + 37);
    BOOST_TEST(passed >= 55'000U);
}

BOOST_AUTO_TEST_CASE(a_connection_made_meanwhile_waits_too) {
    Throttled all({.read = 10});
    const auto one = all.connect();
    one->deliver(bytes(20));
    const auto other = all.connect();
    BOOST_TEST(other->reading_paused());
    all.clock.advance(1s);
    BOOST_TEST(!other->reading_paused());
}

BOOST_AUTO_TEST_CASE(a_protocol_that_paused_by_itself_stays_paused_and_cannot_resume_early) {
    Throttled all({.read = 10});
    const auto one = all.connect();
    const auto protocol = all.last;
    protocol->transport().pause_producing();
    const auto other = all.connect();
    other->deliver(bytes(20));
    all.clock.advance(1s);
    BOOST_TEST(one->reading_paused());
    BOOST_TEST(!other->reading_paused());
    other->deliver(bytes(20));
    protocol->transport().resume_producing();
    BOOST_TEST(one->reading_paused());
    all.clock.advance(10s);
    BOOST_TEST(!one->reading_paused());
}

BOOST_AUTO_TEST_CASE(producers_wait_when_too_much_was_written) {
    Throttled all({.write = 100});
    const auto one = all.connect();
    auto& transport = all.last->transport();
    NotedProducer producer;
    transport.register_producer(producer);
    BOOST_CHECK_THROW(transport.register_producer(producer), InvalidState);
    transport.write(bytes(150));
    BOOST_TEST(producer.told == "pause ");
    BOOST_TEST(one->take_written().size() == 150U);  // what is written leaves
    auto drained = transport.drained();
    no_result(drained);
    all.clock.advance(500ms);
    BOOST_TEST(producer.told == "pause resume ");
    success_of(drained);
    success_of(transport.drained());
    transport.unregister_producer();
}

BOOST_AUTO_TEST_CASE(a_full_buffer_and_too_much_written_are_one_pause) {
    Throttled all({.write = 100});
    const auto one = all.connect();
    auto& transport = all.last->transport();
    transport.set_write_watermarks(10, 120);
    NotedProducer producer;
    transport.register_producer(producer);
    transport.write(bytes(150));  // the buffer is full, and then the second
    BOOST_TEST(producer.told == "pause ");
    all.clock.advance(10s);
    BOOST_TEST(producer.told == "pause ");
    one->take_written();
    BOOST_TEST(producer.told == "pause resume ");
    transport.write(bytes(150));
    one->take_written();
    BOOST_TEST(producer.told == "pause resume pause ");
    all.clock.advance(10s);
    BOOST_TEST(producer.told == "pause resume pause resume ");
    one->lose_broken();
    BOOST_TEST(producer.told == "pause resume pause resume stop ");
}

BOOST_AUTO_TEST_CASE(a_producer_registered_meanwhile_is_paused_at_once) {
    Throttled all({.write = 10});
    const auto one = all.connect();
    auto& transport = all.last->transport();
    transport.write(bytes(20));
    NotedProducer producer;
    transport.register_producer(producer);
    BOOST_TEST(producer.told == "pause ");
    transport.unregister_producer();
    all.clock.advance(1min);
    BOOST_TEST(producer.told == "pause ");
}

BOOST_AUTO_TEST_CASE(a_producer_registered_while_it_is_full_too_is_paused_once_and_waits_for_both) {
    Throttled all({.write = 10});
    const auto one = all.connect();
    auto& transport = all.last->transport();
    transport.set_write_watermarks(1, 5);
    transport.write(bytes(20));
    NotedProducer producer;
    transport.register_producer(producer);
    BOOST_TEST(producer.told == "pause ");
    one->take_written();
    BOOST_TEST(producer.told == "pause ");
    all.clock.advance(1min);
    BOOST_TEST(producer.told == "pause resume ");
    transport.unregister_producer();
}

namespace {

/// Writes ten bytes whenever it may.
struct Eager final : Producer {
    explicit Eager(Transport& to) : transport(to) { transport.register_producer(*this); }
    void pause_producing() override { paused = true; }
    void resume_producing() override {
        paused = false;
        ++resumed;
        transport.write(bytes(10));
    }
    void stop_producing() override {}
    Transport& transport;
    bool paused = false;
    int resumed = 0;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_producer_that_throws_while_it_is_registered_is_not) {
    struct Refusing final : Producer {
        void pause_producing() override { throw Error("no pause"); }
        void resume_producing() override { ++resumed; }
        void stop_producing() override {}
        int resumed = 0;
    } refusing;
    Throttled all({.write = 10});
    const auto transport = all.connect();
    all.last->transport().write(bytes(20));
    BOOST_CHECK_THROW(all.last->transport().register_producer(refusing), Error);
    all.clock.advance(10s);
    BOOST_TEST(refusing.resumed == 0);
    struct Quiet final : Producer {
        void pause_producing() override {}
        void resume_producing() override {}
        void stop_producing() override {}
    } quiet;
    all.last->transport().register_producer(quiet);
    all.last->transport().unregister_producer();
}

BOOST_AUTO_TEST_CASE(who_writes_too_much_at_once_when_resumed_stops_everybody_again) {
    Throttled all({.write = 10});
    std::vector<std::unique_ptr<MemoryTransport>> transports;
    std::vector<std::unique_ptr<Eager>> producers;
    for (int i = 0; i < 3; ++i) {
        transports.push_back(all.connect());
        producers.push_back(std::make_unique<Eager>(all.last->transport()));
    }
    all.last->transport().write(bytes(20));
    auto drained = all.last->transport().drained();
    for (int round = 1; round < 5; ++round) {
        all.clock.advance(1s);
        int resumed = 0;
        for (const auto& producer : producers) {
            BOOST_TEST(producer->paused);
            resumed += producer->resumed;
        }
        BOOST_TEST(resumed == round);  // one of them, and its ten bytes are a second's
        if (round == 3)
            for (const auto& producer : producers)
                BOOST_TEST(producer->resumed == 1);
        BOOST_TEST(all.factory->writing_throttled());
    }
    no_result(drained);
    drained = {};
    for (const auto& transport : transports)
        transport->lose_cleanly();
}

BOOST_AUTO_TEST_CASE(a_protocol_exchanged_while_it_is_throttled_takes_its_producer_along_paused) {
    Throttled all({.write = 10});
    const auto one = all.connect();
    const auto first = all.last;
    auto& transport = first->transport();
    NotedProducer producer;
    transport.register_producer(producer);
    transport.write(bytes(20));
    const auto next = std::make_shared<Recorder>();
    const auto before = transport.hand_over(next);
    next->attach(transport);
    BOOST_TEST((before.protocol == first));
    BOOST_TEST((before.producer == &producer));
    BOOST_TEST(before.producer_paused);
    all.clock.advance(1min);
    BOOST_TEST(producer.told == "pause ");
    one->deliver("x");
    BOOST_TEST(next->received == "x");
    one->lose_cleanly();
}

BOOST_AUTO_TEST_CASE(a_burst_that_is_built_and_not_connected_yet_counts) {
    Throttled all({.connections = 2});
    const auto one = all.factory->build_protocol({"10.0.0.9", 1});
    auto other = all.factory->build_protocol({"10.0.0.9", 1});
    BOOST_TEST(!all.factory->build_protocol({"10.0.0.9", 1}));
    other.reset();
    BOOST_TEST(all.factory->connections() == 1U);
}

BOOST_AUTO_TEST_CASE(who_waits_for_room_on_a_lost_connection_is_told_why) {
    Throttled all({.write = 10});
    const auto one = all.connect();
    const auto protocol = all.last;
    protocol->transport().write(bytes(20));
    auto drained = protocol->transport().drained();
    one->lose_broken();
    failure_of<ConnectionLost>(drained);
}

BOOST_AUTO_TEST_CASE(there_are_no_more_connections_than_allowed) {
    Throttled all({.connections = 1});
    const auto one = all.connect();
    BOOST_TEST(!all.factory->build_protocol({"10.0.0.9", 1}));
    one->lose_cleanly();
    BOOST_TEST(all.factory->connections() == 0U);
    BOOST_TEST(!!all.factory->build_protocol({"10.0.0.9", 1}));
}

BOOST_AUTO_TEST_CASE(limits_of_nothing_are_refused) {
    ManualClock clock;
    const auto factory = make_factory([](const Address&) { return nullptr; });
    BOOST_CHECK_THROW(ThrottlingFactory(clock, factory, {.read = 0}), std::invalid_argument);
    BOOST_CHECK_THROW(ThrottlingFactory(clock, factory, {.write = 0}), std::invalid_argument);
    BOOST_CHECK_THROW(ThrottlingFactory(clock, factory, {.connections = 0}), std::invalid_argument);
    BOOST_CHECK_THROW(ThrottlingFactory(clock, nullptr, {}), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(connections_outlive_the_factory_and_are_throttled_on) {
    Throttled all({.read = 10});
    auto one = all.connect();
    all.factory.reset();
    one->deliver(bytes(20));
    BOOST_TEST(one->reading_paused());
    one.reset();
    BOOST_TEST(all.clock.pending_calls() == 0U);
}

BOOST_AUTO_TEST_CASE(a_producer_may_end_everything_when_it_is_told) {
    Throttled all({.write = 10});
    auto one = all.connect();
    auto other = all.connect();
    struct Ender final : Producer {
        std::function<void()> end;
        void pause_producing() override {}
        void resume_producing() override { end(); }
        void stop_producing() override {}
    } ender;
    auto& transport = all.last->transport();
    transport.register_producer(ender);
    ender.end = [&] {
        all.factory.reset();
        one.reset();
        other.reset();
        all.last.reset();
    };
    transport.write(bytes(20));
    all.clock.advance(5s);
    BOOST_TEST(!one);
}

BOOST_AUTO_TEST_CASE(a_slow_reader_holds_up_its_peer) {
    ManualClock clock;
    MemoryNetwork network;
    std::shared_ptr<Recorder> server;
    const auto plain = make_factory([&](const Address&) { return server = std::make_shared<Recorder>(); });
    network.listen({"host", 1}, std::make_shared<ThrottlingFactory>(clock, plain, ThrottleLimits{.read = 1000}));
    network.set_bytes_per_step(500);
    const auto client = std::make_shared<Recorder>();
    auto connected = network.connector()->connect({"host", 1}, client);
    network.flush();
    success_of(connected);
    client->transport().write(bytes(10'000));
    network.flush();
    BOOST_TEST(server->received.size() == 1500U);
    for (int second = 0; second < 10; ++second) {
        clock.advance(1s);
        network.flush();
    }
    BOOST_TEST(server->received.size() == 10'000U);
}
