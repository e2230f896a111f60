#define BOOST_TEST_MODULE memory_transport
#include "plait/reactor/testing/memory_transport.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <stdexcept>

#include "plait/deferred/testing/manual_clock.hpp"
#include "plait/tests/reactor/recorder.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

struct Fixture {
    std::shared_ptr<Recorder> protocol = std::make_shared<Recorder>();
    MemoryTransport transport{protocol};
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_protocol_is_connected_from_construction_until_it_is_lost) {
    Fixture f;
    BOOST_TEST(f.protocol->connected());
    f.transport.lose_cleanly();
    BOOST_TEST(!f.protocol->connected());
    BOOST_TEST(f.protocol->story() == "made lost: done");
}

BOOST_AUTO_TEST_CASE(what_was_written_can_be_read_and_taken) {
    Fixture f;
    f.protocol->transport().write("one ");
    f.protocol->transport().write(Bytes::own("two "));
    const std::array<Bytes, 2> more{Bytes::borrow("three "), Bytes::borrow("four")};
    f.protocol->transport().write_sequence(more);
    BOOST_TEST(f.transport.written() == "one two three four");
    BOOST_TEST(f.transport.take_written(4) == "one ");
    BOOST_TEST(f.transport.take_written() == "two three four");
    BOOST_TEST(f.transport.written() == "");
}

BOOST_AUTO_TEST_CASE(bytes_delivered_while_paused_are_held_in_order_and_so_is_the_end) {
    Fixture f;
    f.protocol->transport().pause_producing();
    f.transport.deliver("a");
    f.transport.deliver("b");
    f.transport.deliver_end();
    BOOST_TEST(f.protocol->story() == "made");
    f.protocol->transport().resume_producing();
    BOOST_TEST(f.protocol->story() == "made");
    f.transport.deliver_held();
    BOOST_TEST(f.protocol->received == "ab");
    BOOST_TEST(f.protocol->story() == "made data end");
    BOOST_TEST(f.transport.disconnecting());
}

BOOST_AUTO_TEST_CASE(pausing_from_data_received_holds_the_rest) {
    Fixture f;
    f.protocol->transport().pause_producing();
    f.transport.deliver("a");
    f.transport.deliver("b");
    f.protocol->when_data = [](Recorder& r, const Bytes&) { r.transport().pause_producing(); };
    f.protocol->transport().resume_producing();
    f.transport.deliver_held();
    BOOST_TEST(f.protocol->received == "a");
}

BOOST_AUTO_TEST_CASE(nothing_is_delivered_after_lose_connection) {
    Fixture f;
    f.protocol->transport().lose_connection();
    BOOST_TEST(f.transport.disconnecting());
    f.transport.deliver("late");
    f.transport.deliver_end();
    BOOST_TEST(f.protocol->story() == "made");
    f.transport.lose_cleanly();
    BOOST_TEST(f.protocol->story() == "made lost: done");
}

BOOST_AUTO_TEST_CASE(writes_after_closing_are_dropped_unless_a_producer_is_still_at_it) {
    Fixture f;
    NotedProducer producer;
    Transport& transport = f.protocol->transport();
    transport.register_producer(producer);
    transport.lose_connection();
    transport.write("last ");
    transport.unregister_producer();
    transport.write("too late");
    BOOST_TEST(f.transport.written() == "last ");
}

BOOST_AUTO_TEST_CASE(a_producer_is_paused_above_the_high_mark_and_resumed_at_the_low_one) {
    Fixture f;
    NotedProducer producer;
    Transport& transport = f.protocol->transport();
    transport.set_write_watermarks(2, 4);
    transport.register_producer(producer);
    transport.write("1234");
    BOOST_TEST(producer.told == "");
    transport.write("5");
    transport.write("6");
    BOOST_TEST(producer.told == "pause ");
    static_cast<void>(f.transport.take_written(3));
    BOOST_TEST(producer.told == "pause ");
    static_cast<void>(f.transport.take_written(1));
    BOOST_TEST(producer.told == "pause resume ");
    f.transport.lose_broken();
    BOOST_TEST(producer.told == "pause resume stop ");
    f.transport.register_producer(producer);
    BOOST_TEST(producer.told == "pause resume stop stop ");
}

BOOST_AUTO_TEST_CASE(a_second_producer_and_upside_down_marks_are_refused) {
    Fixture f;
    NotedProducer producer;
    f.transport.register_producer(producer);
    BOOST_CHECK_THROW(f.transport.register_producer(producer), InvalidState);
    BOOST_CHECK_THROW(f.transport.set_write_watermarks(4, 4), std::invalid_argument);
    f.transport.unregister_producer();
    f.transport.register_producer(producer);
    f.transport.unregister_producer();
}

BOOST_AUTO_TEST_CASE(drained_waits_for_the_low_mark_and_serves_several) {
    Fixture f;
    f.transport.set_write_watermarks(2, 4);
    BOOST_TEST(f.transport.drained().ready());
    f.transport.write("12345");
    auto first = f.transport.drained();
    auto second = f.transport.drained();
    BOOST_TEST(!first.ready());
    static_cast<void>(f.transport.take_written(3));
    BOOST_TEST(first.ready());
    BOOST_TEST(second.ready());
}

BOOST_AUTO_TEST_CASE(a_waiter_that_fills_the_buffer_makes_the_next_one_wait_on) {
    Fixture f;
    f.transport.set_write_watermarks(2, 4);
    f.transport.write("12345");
    auto first = f.transport.drained().add_callback([&f] { f.transport.write("67890"); });
    auto second = f.transport.drained();
    static_cast<void>(f.transport.take_written());
    BOOST_TEST(first.ready());
    BOOST_TEST(!second.ready());
    static_cast<void>(f.transport.take_written());
    BOOST_TEST(second.ready());
}

BOOST_AUTO_TEST_CASE(drained_fails_with_the_reason_when_the_connection_is_lost) {
    Fixture f;
    f.transport.set_write_watermarks(2, 4);
    f.transport.write("12345");
    auto waiting = f.transport.drained();
    f.transport.lose_broken();
    BOOST_CHECK_THROW(std::move(waiting).take().value(), ConnectionLost);
    BOOST_CHECK_THROW(f.transport.drained().take().value(), ConnectionLost);
}

BOOST_AUTO_TEST_CASE(accepting_counts_everything_as_sent) {
    Fixture f;
    f.transport.write("12345");
    BOOST_TEST(f.transport.write_buffered() == 5U);
    f.transport.set_accepting(true);
    BOOST_TEST(f.transport.write_buffered() == 0U);
    BOOST_TEST(f.transport.written() == "12345");
}

BOOST_AUTO_TEST_CASE(an_exception_from_a_callback_is_the_reason_of_the_loss) {
    Fixture f;
    f.protocol->when_data = [](Recorder&, const Bytes&) { throw std::runtime_error("cannot read this"); };
    f.transport.deliver("x");
    BOOST_TEST(f.transport.lost());
    BOOST_TEST(f.protocol->story() == "made data lost: other");
    BOOST_TEST(f.protocol->reason->message().find("cannot read this") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(destroying_the_transport_from_a_callback_is_safe) {
    for (const char* when : {"data", "end"}) {
        auto protocol = std::make_shared<Recorder>();
        auto transport = std::make_unique<MemoryTransport>(protocol);
        if (std::string_view(when) == "data")
            protocol->when_data = [&](Recorder&, const Bytes&) { transport.reset(); };
        else
            protocol->when_ended = [&](Recorder&) { transport.reset(); };
        transport->deliver("x");
        if (transport) transport->deliver_end();
        BOOST_TEST(transport == nullptr);
        BOOST_TEST(protocol->events.back() == "lost: aborted");
    }
}

BOOST_AUTO_TEST_CASE(a_protocol_may_lose_the_connection_from_connection_lost_and_let_go_of_itself) {
    auto protocol = std::make_shared<Recorder>();
    MemoryTransport transport(protocol);
    Recorder& recorder = *protocol;
    recorder.when_lost = [&](Recorder& r) {
        r.transport().abort_connection();
        r.transport().write("never");
        protocol.reset();
    };
    transport.lose_cleanly();
    transport.lose_broken();
    BOOST_TEST(transport.written() == "");
    BOOST_TEST(protocol == nullptr);
}

BOOST_AUTO_TEST_CASE(abort_and_half_close_are_recorded) {
    Fixture f;
    f.protocol->transport().lose_write_connection();
    BOOST_TEST(f.transport.write_closed());
    BOOST_TEST(!f.transport.disconnecting());
    f.protocol->transport().abort_connection();
    BOOST_TEST(f.transport.aborted());
    BOOST_TEST(f.transport.disconnecting());
    BOOST_TEST(!f.transport.lost());
}

// --- counters and time-outs

BOOST_AUTO_TEST_CASE(bytes_are_counted_when_they_are_delivered_and_when_they_are_taken) {
    Fixture f;
    f.protocol->transport().pause_producing();
    f.transport.deliver("12345");
    BOOST_TEST(f.transport.bytes_received() == 0U);
    f.protocol->transport().resume_producing();
    f.transport.deliver_held();
    BOOST_TEST(f.transport.bytes_received() == 5U);
    f.transport.write("1234567");
    BOOST_TEST(f.transport.bytes_sent() == 0U);
    static_cast<void>(f.transport.take_written(3));
    BOOST_TEST(f.transport.bytes_sent() == 3U);
    f.transport.set_accepting(true);
    BOOST_TEST(f.transport.bytes_sent() == 7U);
}

BOOST_AUTO_TEST_CASE(an_idle_connection_is_lost_and_the_reason_says_for_how_long) {
    ManualClock clock;
    Fixture f;
    f.transport.set_clock(clock);
    f.protocol->transport().set_idle_timeout(8s);
    clock.advance(7999ms);
    BOOST_TEST(!f.transport.lost());
    clock.advance(1ms);
    BOOST_TEST(f.transport.lost());
    BOOST_REQUIRE(f.protocol->reason->check<ConnectionTimedOut>());
    BOOST_TEST(f.protocol->reason->message().find("192.168.1.1:54321 was idle for 8 s") != std::string::npos);
    BOOST_TEST(clock.pending_calls() == 0U);
}

BOOST_AUTO_TEST_CASE(a_byte_either_way_keeps_an_idle_connection_for_one_more_limit_and_at_most_a_quarter) {
    for (const bool receiving : {false, true}) {
        ManualClock clock;
        Fixture f;
        f.transport.set_accepting(true);
        f.transport.set_clock(clock);
        f.transport.set_idle_timeout(8s);
        clock.advance(7s);
        receiving ? f.transport.deliver("x") : f.transport.write("x");
        clock.advance(7999ms);
        BOOST_TEST(!f.transport.lost());
        clock.advance(2001ms);
        BOOST_TEST(f.transport.lost());
    }
}

BOOST_AUTO_TEST_CASE(queued_bytes_that_nobody_takes_lose_the_connection) {
    ManualClock clock;
    Fixture f;
    f.transport.set_clock(clock);
    f.transport.set_write_timeout(4s);
    clock.advance(100s);  // nothing is queued: nothing is late
    clock.advance(900ms);
    f.transport.write("12345");
    f.protocol->transport().lose_connection();
    clock.advance(3900ms);
    BOOST_TEST(!f.transport.lost());
    static_cast<void>(f.transport.take_written(1));
    clock.advance(3900ms);
    f.transport.deliver("what arrives does not help");
    BOOST_TEST(!f.transport.lost());
    clock.advance(1100ms);
    BOOST_REQUIRE(f.transport.lost());
    BOOST_TEST(f.protocol->reason->check<ConnectionTimedOut>());
    BOOST_TEST(f.protocol->reason->message().find("took none of 4 queued bytes for 4 s") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(zero_takes_a_time_out_back_and_setting_it_again_counts_from_then) {
    ManualClock clock;
    Fixture f;
    f.transport.set_idle_timeout(1s);  // begins with the clock
    f.transport.set_clock(clock);
    BOOST_TEST(clock.pending_calls() == 1U);
    f.transport.set_idle_timeout(Duration::zero());
    BOOST_TEST(clock.pending_calls() == 0U);
    clock.advance(5s);
    f.transport.set_idle_timeout(2s);
    clock.advance(1999ms);
    BOOST_TEST(!f.transport.lost());
    clock.advance(1ms);
    BOOST_TEST(f.transport.lost());
}

BOOST_AUTO_TEST_CASE(a_transport_may_be_destroyed_from_the_loss_that_a_time_out_brings) {
    ManualClock clock;
    auto protocol = std::make_shared<Recorder>();
    auto transport = std::make_unique<MemoryTransport>(protocol);
    protocol->when_lost = [&](Recorder& r) {
        r.transport().set_idle_timeout(1s);
        transport.reset();
    };
    transport->set_clock(clock);
    transport->set_idle_timeout(1s);
    clock.advance(1s);
    BOOST_TEST(transport == nullptr);
    BOOST_TEST(protocol->events.size() == 2U);
    BOOST_TEST(clock.pending_calls() == 0U);
}
