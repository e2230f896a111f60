// A connection whose protocol is exchanged, from inside its own callbacks too, over TCP, UNIX sockets and memory.
#define BOOST_TEST_MODULE hand_over
#include <boost/test/unit_test.hpp>

#include "plait/tests/reactor/stream_worlds.hpp"

using namespace plait;
using namespace plait::testing;

namespace {

/// Ours hands its connection over to `next`, and lets go of itself, when a test says so.
template <typename World>
struct HandedOver : Joined<World> {
    std::shared_ptr<Recorder> next = std::make_shared<Recorder>();
    std::weak_ptr<Recorder> before = this->ours;
    int done = 0;

    /// What is left of ours after that: it lives until its callback has returned, and has no connection.
    void hand_over(Recorder& r) {
        Transport& transport = r.transport();
        next->attach(transport);
        static_cast<void>(transport.hand_over(next));
        ++done;
        BOOST_TEST(!r.connected());
        r.transport().write("swallowed");
        r.transport().abort_connection();
        this->ours.reset();
        BOOST_TEST(!before.expired());
        r.received += "still alive";
    }
    void wait_gone() {
        this->wait([&] { return before.expired(); });
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(what_arrives_after_it_goes_to_the_next_one, World, StreamWorlds) {
    HandedOver<World> f;
    f.ours->when_data = [&](Recorder& r, const Bytes&) { f.hand_over(r); };
    f.join();
    f.theirs->transport().write("one");
    f.wait([&] { return f.done == 1; });
    f.wait_gone();
    f.theirs->transport().write("two");
    f.wait([&] { return f.next->received == "two"; });
    f.next->transport().write("answer");
    f.wait([&] { return f.theirs->received == "answer"; });
    f.theirs->transport().lose_connection();
    f.wait_lost(f.next);
    BOOST_TEST(f.next->story() == "data end lost: done");
    BOOST_TEST(!f.next->connected());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(it_may_be_done_when_the_connection_is_made, World, StreamWorlds) {
    HandedOver<World> f;
    f.ours->when_made = [&](Recorder& r) { f.hand_over(r); };
    const std::shared_ptr<Recorder> ours = f.ours;
    f.world.join({ours, f.theirs});
    f.theirs->transport().write("one");
    f.wait([&] { return f.next->received == "one"; });
    BOOST_TEST(ours->story() == "made");
    f.next->transport().abort_connection();
    f.wait_lost(f.next);
    BOOST_TEST(f.next->story() == "data lost: aborted");
    BOOST_TEST(ours->story() == "made");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(it_may_be_done_at_the_peers_end, World, StreamWorlds) {
    HandedOver<World> f;
    f.ours->close_at_end = false;
    f.ours->when_ended = [&](Recorder& r) { f.hand_over(r); };
    f.join();
    f.theirs->close_at_end = false;
    f.theirs->transport().lose_write_connection();
    f.wait([&] { return f.done == 1; });
    f.wait_gone();
    f.next->transport().write("last words");
    f.next->transport().lose_connection();
    f.wait_lost(f.next);
    BOOST_TEST(f.next->story() == "lost: done");
    f.wait([&] { return f.theirs->received == "last words"; });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_the_one_before_throws_afterwards_ends_the_connection, World, StreamWorlds) {
    HandedOver<World> f;
    f.ours->when_data = [&](Recorder& r, const Bytes&) {
        f.hand_over(r);
        throw std::runtime_error("too late");
    };
    f.join();
    f.theirs->transport().write("x");
    f.wait_lost(f.next);
    BOOST_TEST(f.next->story() == "lost: other");
    BOOST_TEST(says(*f.next->reason->exception(), "too late"));
    f.wait_gone();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_producer_is_taken_off_and_may_do_it_itself, World, StreamWorlds) {
    struct Handing final : Producer {
        std::function<void()> when_told = [] {};
        std::string told;
        void pause_producing() override {
            told += "pause ";
            when_told();
        }
        void resume_producing() override { told += "resume "; }
        void stop_producing() override { told += "stop "; }
    };
    Joined<World> f;
    auto next = std::make_shared<Recorder>();
    Transport::Handover handed;
    Handing producer;
    f.join();
    Transport& transport = f.ours->transport();
    producer.when_told = [&] {
        next->attach(transport);
        handed = transport.hand_over(next);
    };
    transport.register_producer(producer);
    transport.write(std::string(Transport::default_high_water + 1, 'x'));
    BOOST_TEST((handed.producer == &producer));
    BOOST_TEST(handed.producer_paused);
    BOOST_TEST((handed.protocol == f.ours));
    f.wait([&] { return f.theirs->received.size() == Transport::default_high_water + 1; });
    transport.lose_connection();  // waits for no producer any more
    f.wait_lost(next);
    BOOST_TEST(producer.told == "pause ");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_lost_connection_is_not_handed_over, World, StreamWorlds) {
    Joined<World> f;
    f.ours->when_lost = [](Recorder& r) {
        BOOST_CHECK_THROW(static_cast<void>(r.transport().hand_over(std::make_shared<Recorder>())), UsageError);
    };
    f.join();
    f.theirs->transport().lose_connection();
    f.wait_lost(f.ours);
    BOOST_TEST(f.ours->story() == "made end lost: done");
}
