// Twisted's acceptance cases for stream transports, by their names, over TCP, UNIX sockets and memory alike.
#define BOOST_TEST_MODULE acceptance_stream
#include <boost/test/unit_test.hpp>

#include "plait/tests/reactor/stream_worlds.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

/// More than any kernel takes before the peer reads.
const std::string& too_much() {
    static const std::string text = numbered(12'000'000);
    return text;
}

/// Calls `abort_connection` and sees that nothing is called back meanwhile.
void abort_here(Recorder& r) {
    const std::size_t events = r.events.size();
    r.transport().abort_connection();
    BOOST_TEST(r.events.size() == events);
    BOOST_TEST(r.transport().disconnecting());
}

/// Ours was aborted, once; theirs heard of it.
template <typename World>
void check_aborted(Joined<World>& f) {
    f.wait_lost(f.ours);
    f.wait_lost(f.theirs);
    f.settle();
    BOOST_TEST(f.ours->events.back() == "lost: aborted");
    BOOST_TEST(losses(*f.ours) == 1U);
    BOOST_TEST(losses(*f.theirs) == 1U);
}

}  // namespace

// --- AbortConnection

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_before_data, World, StreamWorlds) {
    Joined<World> f;
    f.join();
    abort_here(*f.ours);
    check_aborted(f);
    BOOST_TEST(f.ours->story() == "made lost: aborted");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_in_connection_made, World, StreamWorlds) {
    Joined<World> f;
    f.ours->when_made = [](Recorder& r) { abort_here(r); };
    f.join();
    f.wait_lost(f.ours);
    BOOST_TEST(f.ours->story() == "made lost: aborted");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_in_data_received, World, StreamWorlds) {
    Joined<World> f;
    f.ours->when_data = [](Recorder& r, const Bytes&) { abort_here(r); };
    f.join();
    f.theirs->transport().write("x");
    check_aborted(f);
    BOOST_TEST(f.ours->story() == "made data lost: aborted");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_after_data, World, StreamWorlds) {
    Joined<World> f;
    f.join();
    f.theirs->transport().write("x");
    f.wait([&] { return f.ours->received == "x"; });
    abort_here(*f.ours);
    check_aborted(f);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_twice, World, StreamWorlds) {
    Joined<World> f;
    f.join();
    abort_here(*f.ours);
    abort_here(*f.ours);
    check_aborted(f);
    f.ours->transport().abort_connection();
    f.settle();
    BOOST_TEST(losses(*f.ours) == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_at_both_ends, World, StreamWorlds) {
    Joined<World> f;
    f.join();
    abort_here(*f.ours);
    abort_here(*f.theirs);
    f.wait_lost(f.ours);
    f.wait_lost(f.theirs);
    f.settle();
    BOOST_TEST(losses(*f.ours) == 1U);
    BOOST_TEST(losses(*f.theirs) == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_full_write_buffer, World, StreamWorlds) {
    Joined<World> f;
    f.join();
    f.theirs->transport().pause_producing();
    f.ours->transport().write(too_much());
    f.settle();
    BOOST_TEST(f.ours->transport().write_buffered() > 0U);
    abort_here(*f.ours);
    f.wait_lost(f.ours);
    f.theirs->transport().resume_producing();
    check_aborted(f);
    BOOST_TEST(f.theirs->received.size() < too_much().size());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_full_write_buffer_after_byte_exchange, World, StreamWorlds) {
    Joined<World> f;
    f.join();
    f.ours->transport().write("a");
    f.theirs->transport().write("b");
    f.wait([&] { return f.theirs->received == "a" && f.ours->received == "b"; });
    f.theirs->transport().pause_producing();
    f.ours->transport().write(too_much());
    f.ours->transport().lose_connection();
    f.settle();
    BOOST_TEST(!f.ours->reason.has_value());
    abort_here(*f.ours);
    f.wait_lost(f.ours);
    BOOST_TEST(f.ours->events.back() == "lost: aborted");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_data_received_throws, World, StreamWorlds) {
    Joined<World> f;
    f.ours->when_data = [](Recorder& r, const Bytes&) {
        abort_here(r);
        throw std::runtime_error("application error");
    };
    f.join();
    f.theirs->transport().write("x");
    f.wait_lost(f.ours);
    f.settle();
    BOOST_TEST(f.ours->story() == "made data lost: other");
    BOOST_TEST(says(*f.ours->reason->exception(), "application error"));
}

namespace {

struct ActingProducer final : Producer {
    std::function<void()> when_resumed = [] {};
    std::string told;

    void pause_producing() override { told += "pause "; }
    void resume_producing() override {
        told += "resume ";
        when_resumed();
    }
    void stop_producing() override { told += "stop "; }
};

/// Ours has written more than theirs, paused, takes; a producer waits for room.
template <typename World>
struct Producing : Joined<World> {
    ActingProducer producer;

    Producing() {
        this->join();
        this->theirs->transport().pause_producing();
        this->ours->transport().register_producer(producer);
        BOOST_TEST(producer.told == "");
        this->ours->transport().write(too_much());
        BOOST_TEST(producer.told == "pause ");
        this->settle();
        BOOST_TEST(producer.told == "pause ");
    }
    void drain() { this->theirs->transport().resume_producing(); }
};

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_resume_producing_aborts, World, StreamWorlds) {
    Producing<World> f;
    f.producer.when_resumed = [&] { abort_here(*f.ours); };
    f.drain();
    check_aborted(f);
    BOOST_TEST(f.producer.told == "pause resume stop ");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_resume_producing_throws, World, StreamWorlds) {
    Producing<World> f;
    f.producer.when_resumed = [&] {
        abort_here(*f.ours);
        throw std::runtime_error("application error");
    };
    f.drain();
    f.wait_lost(f.ours);
    f.settle();
    BOOST_TEST(f.ours->story() == "made lost: other");
    BOOST_TEST(says(*f.ours->reason->exception(), "application error"));
    BOOST_TEST(losses(*f.ours) == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(abort_connection_later_writes_never_arrive, World, StreamWorlds) {
    Joined<World> f;
    f.join();
    abort_here(*f.ours);
    f.ours->transport().write("never");
    f.ours->transport().lose_connection();
    check_aborted(f);
    BOOST_TEST(f.theirs->received == "");
}

// --- half-close

BOOST_AUTO_TEST_CASE_TEMPLATE(double_half_close, World, StreamWorlds) {
    Joined<World> f;
    f.ours->close_at_end = false;
    f.ours->when_ended = [](Recorder& r) {
        r.transport().lose_write_connection();
        r.transport().lose_connection();
    };
    f.join();
    f.theirs->transport().lose_connection();
    f.wait_lost(f.ours);
    f.wait_lost(f.theirs);
    BOOST_TEST(f.ours->story() == "made end lost: done");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(half_close_both_ends_after_each_other, World, StreamWorlds) {
    Joined<World> f;
    f.ours->close_at_end = f.theirs->close_at_end = false;
    f.theirs->when_ended = [](Recorder& r) {
        r.transport().write("answer");
        r.transport().lose_write_connection();
    };
    f.join();
    f.ours->transport().write("question");
    f.ours->transport().lose_write_connection();
    f.wait_lost(f.ours);
    f.wait_lost(f.theirs);
    BOOST_TEST(f.theirs->received == "question");
    BOOST_TEST(f.ours->received == "answer");
    BOOST_TEST(f.ours->story() == "made data end lost: done");
    BOOST_TEST(f.theirs->story() == "made data end lost: done");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(connection_lost_after_paused_transport, World, StreamWorlds) {
    Joined<World> f;
    std::string order;
    f.ours->when_ended = [&](Recorder&) { order += "ended "; };
    f.ours->when_lost = [&](Recorder&) { order += "lost"; };
    f.join();
    f.ours->transport().pause_producing();
    order += "paused ";
    f.theirs->transport().lose_connection();
    f.settle();
    f.ours->transport().resume_producing();
    order += "resumed ";
    f.wait_lost(f.ours);
    BOOST_TEST(order == "paused resumed ended lost");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(buggy_half_close_protocol, World, StreamWorlds) {
    Joined<World> f;
    f.ours->close_at_end = false;
    f.ours->when_ended = [](Recorder&) { throw std::runtime_error("buggy"); };
    f.join();
    f.theirs->transport().lose_write_connection();
    f.wait_lost(f.ours);
    BOOST_TEST(f.ours->story() == "made end lost: other");
    BOOST_TEST(says(*f.ours->reason->exception(), "buggy"));
    f.wait_lost(f.theirs);
}

// --- producers

BOOST_AUTO_TEST_CASE_TEMPLATE(producer_is_paused_and_resumed_when_drained, World, StreamWorlds) {
    Producing<World> f;
    f.drain();
    f.wait([&] { return f.theirs->received.size() == too_much().size(); });
    BOOST_TEST(f.producer.told == "pause resume ");
    BOOST_TEST((f.theirs->received == too_much()));
    f.ours->transport().unregister_producer();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(producer_is_stopped_when_disconnected, World, StreamWorlds) {
    Producing<World> f;
    f.theirs->transport().abort_connection();
    f.wait_lost(f.ours);
    BOOST_TEST(f.producer.told == "pause stop ");
    f.producer.told.clear();
    f.ours->transport().register_producer(f.producer);
    BOOST_TEST(f.producer.told == "stop ");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(second_producer_is_refused, World, StreamWorlds) {
    Producing<World> f;
    BOOST_CHECK_THROW(f.ours->transport().register_producer(f.producer), InvalidState);
    f.ours->transport().unregister_producer();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(lose_connection_waits_for_unregister_producer, World, StreamWorlds) {
    Joined<World> f;
    f.join();
    NotedProducer producer;
    f.ours->transport().register_producer(producer);
    f.ours->transport().lose_connection();
    f.settle();
    BOOST_TEST(!f.ours->reason.has_value());
    f.ours->transport().write("last");
    f.ours->transport().unregister_producer();
    f.wait_lost(f.ours);
    f.wait_lost(f.theirs);
    BOOST_TEST(f.theirs->received == "last");
    BOOST_TEST(producer.told == "");
}

// --- after the end

BOOST_AUTO_TEST_CASE_TEMPLATE(write_after_disconnect, World, StreamWorlds) {
    Joined<World> f;
    f.join();
    f.ours->when_lost = [](Recorder& r) {
        r.transport().write("never");
        BOOST_TEST(r.transport().write_buffered() == 0U);
    };
    f.theirs->transport().lose_connection();
    f.wait_lost(f.ours);
    f.ours->transport().write("never");
    f.settle();
    BOOST_TEST(f.theirs->received == "");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(protocol_garbage_after_lost_connection, World, StreamWorlds) {
    Joined<World> f;
    f.join();
    const std::weak_ptr<Recorder> ours = f.ours;
    const std::weak_ptr<Recorder> theirs = f.theirs;
    f.ours->transport().lose_connection();
    f.wait_lost(f.ours);
    f.wait_lost(f.theirs);
    f.settle();
    f.ours.reset();
    BOOST_TEST(ours.expired());
    if constexpr (!World::in_memory) {  // the memory network's factory here keeps it
        f.theirs.reset();
        BOOST_TEST(theirs.expired());
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(connection_lost_exactly_once_whatever_is_called_from_where, World, StreamWorlds) {
    for (int how = 0; how < 12; ++how) {
        Joined<World> f;
        const auto act = [how](Recorder& r, auto&&...) {
            if (how % 3 == 0) r.transport().lose_connection();
            if (how % 3 == 1) r.transport().abort_connection();
            if (how % 3 == 2) r.transport().lose_write_connection();
        };
        if (how / 3 == 0) f.ours->when_made = act;
        if (how / 3 == 1) f.ours->when_data = act;
        if (how / 3 == 2) f.ours->when_ended = act;
        f.ours->when_lost = [&](Recorder& r) {
            act(r);
            f.ours.reset();
        };
        Recorder& ours = *f.ours;
        const std::shared_ptr<Recorder> keep = f.ours;
        f.join();
        f.theirs->transport().write("x");
        f.theirs->transport().lose_write_connection();
        if (how / 3 == 3) act(ours);
        f.wait([&] { return keep->reason.has_value(); });
        f.settle();
        BOOST_TEST(losses(ours) == 1U);
        BOOST_TEST(ours.events.back().starts_with("lost"));
    }
}
