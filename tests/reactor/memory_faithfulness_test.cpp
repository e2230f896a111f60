// What a transport in memory does as one over sockets does: the same cases, on both. Twisted's acceptance cases, in
// acceptance_stream_test.cpp, are more of them.
#define BOOST_TEST_MODULE memory_faithfulness
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

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(who_waits_for_room_goes_on_when_the_mark_is_raised, World, StreamWorlds) {
    Joined<World> f;
    f.join();
    f.theirs->transport().pause_producing();
    f.ours->transport().write(too_much());
    auto drained = f.ours->transport().drained().add_callback([&] { f.ours->transport().write("and more"); });
    f.settle();
    BOOST_TEST(!drained.ready());
    f.ours->transport().set_write_watermarks(too_much().size(), too_much().size() + 1);
    BOOST_TEST(!drained.ready());  // not from inside the call
    f.wait([&] { return drained.ready(); });
    f.theirs->transport().resume_producing();
    f.wait([&] { return f.theirs->received.ends_with("and more"); });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_idle_connection_times_out_and_is_reset, World, StreamWorlds) {
    Joined<World> f;
    f.ours->when_made = [](Recorder& r) { r.transport().set_idle_timeout(20ms); };
    f.join();
    f.wait_lost(f.ours);
    f.wait_lost(f.theirs);
    BOOST_TEST(f.ours->story() == "made lost: timed out");
    // A UNIX socket knows no reset.
    BOOST_TEST(f.theirs->story() == (std::is_same_v<World, UnixWorld> ? "made end lost: done" : "made lost: broken"));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_peer_that_takes_nothing_times_out, World, StreamWorlds) {
    Joined<World> f;
    f.join();
    f.theirs->transport().pause_producing();
    f.ours->transport().write(too_much());
    f.ours->transport().set_write_timeout(50ms);
    f.ours->transport().lose_connection();
    f.wait_lost(f.ours);
    BOOST_TEST(f.ours->story() == "made lost: timed out");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_data_received_throws_is_our_reason_and_an_end_for_them, World, StreamWorlds) {
    Joined<World> f;
    f.ours->when_data = [](Recorder&, const Bytes&) { throw std::runtime_error("no"); };
    f.join();
    f.theirs->transport().write("x");
    f.wait_lost(f.ours);
    f.wait_lost(f.theirs);
    BOOST_TEST(f.ours->story() == "made data lost: other");
    BOOST_TEST(f.theirs->story() == "made end lost: done");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_protocol_exchanged_in_its_callback_hears_no_more, World, StreamWorlds) {
    Joined<World> f;
    const auto next = std::make_shared<Recorder>();
    NotedProducer producer;
    f.ours->when_data = [&](Recorder& r, const Bytes&) {
        Transport& transport = r.transport();
        transport.register_producer(producer);
        const auto before = transport.hand_over(next);
        BOOST_TEST((before.protocol == f.ours));
        BOOST_TEST((before.producer == &producer));
        BOOST_TEST(!before.producer_paused);
        next->attach(transport);
    };
    f.join();
    f.theirs->transport().write("first");
    f.wait([&] { return f.ours->received == "first"; });
    f.theirs->transport().write("second");
    f.wait([&] { return next->received == "second"; });
    f.theirs->transport().lose_connection();
    f.wait([&] { return next->reason.has_value(); });
    BOOST_TEST(next->story() == "data end lost: done");
    BOOST_TEST(f.ours->story() == "made data");
    BOOST_TEST(producer.told == "");
    BOOST_CHECK_THROW(next->transport().hand_over(f.ours), UsageError);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(bytes_under_way_to_one_that_another_pauses_come_when_it_resumes, World, StreamWorlds) {
    Joined<World> f;
    f.ours->when_data = [&](Recorder&, const Bytes&) { f.theirs->transport().pause_producing(); };
    f.theirs->when_data = [&](Recorder&, const Bytes&) { f.ours->transport().pause_producing(); };
    f.join();
    f.ours->transport().write("to them");
    f.theirs->transport().write("to us");
    f.settle();
    f.ours->transport().resume_producing();
    f.theirs->transport().resume_producing();
    f.wait([&] { return f.ours->received == "to us"; });
    f.theirs->transport().resume_producing();
    f.wait([&] { return f.theirs->received == "to them"; });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(bytes_are_counted_at_both_ends, World, StreamWorlds) {
    Joined<World> f;
    f.join();
    f.ours->transport().write("12345");
    f.wait([&] { return f.theirs->received == "12345"; });
    BOOST_TEST(f.ours->transport().bytes_sent() == 5U);
    BOOST_TEST(f.ours->transport().bytes_received() == 0U);
    BOOST_TEST(f.theirs->transport().bytes_received() == 5U);
    BOOST_TEST(f.theirs->transport().bytes_sent() == 0U);
}
