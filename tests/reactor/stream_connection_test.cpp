// What a connection does that its bytes do not show: it does not spin, it tells who waits, it keeps nothing.
#define BOOST_TEST_MODULE stream_connection
#include <boost/test/unit_test.hpp>

#include "plait/deferred/filesystem_lock.hpp"
#include "plait/reactor/descriptors.hpp"
#include "plait/reactor/detail/write_queue.hpp"
#include "plait/reactor/metrics.hpp"
#include "plait/tests/reactor/stream_worlds.hpp"
#include "plait/tests/reactor/unix_fixture.hpp"

using namespace plait;
using namespace plait::testing;

namespace {

void check_quiet(Reactor& reactor) {
    const std::uint64_t before = reactor.metrics().turns;
    settle(reactor);
    BOOST_TEST(reactor.metrics().turns - before < 20U);
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(what_comes_while_closing_is_not_delivered_and_does_not_spin, World, SocketWorlds) {
    Joined<World> f;
    NotedProducer producer;
    f.join();
    f.ours->transport().register_producer(producer);
    f.ours->transport().lose_connection();
    f.theirs->transport().write("too late");
    f.settle();
    check_quiet(f.world.reactor);
    BOOST_TEST(f.ours->story() == "made");
    f.ours->transport().unregister_producer();  // with nothing written: it was all that closing waited for
    f.wait_lost(f.ours);
    BOOST_TEST(f.ours->story() == "made lost: done");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_producer_registered_while_the_connection_is_lost_is_stopped, World, SocketWorlds) {
    Joined<World> f;
    NotedProducer producer;
    bool failed = false;
    f.ours->when_lost = [&](Recorder& r) {
        r.transport().register_producer(producer);
        r.transport().write("never");
        BOOST_TEST(r.transport().write_buffered() == 0U);
        r.transport().drained().detach([&](const Failure& why) { failed = why.check<ConnectionDone>() != nullptr; });
    };
    f.join();
    f.theirs->transport().lose_connection();
    f.wait_lost(f.ours);
    BOOST_TEST(producer.told == "stop ");
    BOOST_TEST(failed);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_written_after_an_abort_is_not_kept, World, SocketWorlds) {
    Joined<World> f;
    f.ours->when_lost = [](Recorder& r) { BOOST_TEST(r.transport().write_buffered() == 0U); };
    f.join();
    f.ours->transport().write("before");
    f.ours->transport().abort_connection();
    f.ours->transport().write("never");
    BOOST_TEST(f.ours->transport().write_buffered() == 6U);
    f.wait_lost(f.ours);
    BOOST_TEST(f.ours->story() == "made lost: aborted");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(raised_marks_let_waiters_and_producers_go_although_nothing_is_sent, World, SocketWorlds) {
    Joined<World> f;
    NotedProducer producer;
    f.join();
    f.theirs->transport().pause_producing();
    f.ours->transport().register_producer(producer);
    f.ours->transport().write(std::string(16'000'000, 'x'));
    Deferred<> room = f.ours->transport().drained();
    for (std::size_t before = 0; before != f.ours->transport().write_buffered();) {  // until the kernel is full
        before = f.ours->transport().write_buffered();
        f.settle();
    }
    BOOST_TEST(!room.ready());
    f.ours->transport().set_write_watermarks(20'000'000, 30'000'000);
    BOOST_TEST(!room.ready());
    f.settle();
    BOOST_TEST(room.ready());
    BOOST_TEST(producer.told == "pause resume ");
    f.ours->transport().abort_connection();
    f.wait_lost(f.ours);
}

BOOST_AUTO_TEST_CASE(one_busy_connection_leaves_turns_to_others) {
    Joined<TcpWorld> f;
    std::uint64_t turn = 0;
    int reads = 0;
    int most = 0;
    f.ours->when_data = [&](Recorder&, const Bytes&) {
        const std::uint64_t now = f.world.reactor.metrics().turns;
        reads = now == turn ? reads + 1 : 1;
        turn = now;
        most = std::max(most, reads);
    };
    f.join();
    f.ours->transport().pause_producing();
    f.theirs->transport().write(std::string(4'000'000, 'x'));
    f.settle();
    f.ours->transport().resume_producing();
    f.wait([&] { return f.ours->received.size() == 4'000'000U; });
    BOOST_TEST(most <= 4);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_abort_from_who_waited_for_room_beats_a_close, World, SocketWorlds) {
    Joined<World> f;
    f.join();
    f.ours->transport().write(std::string(100'000, 'x'));
    f.ours->transport().drained().detach([](const Failure&) {});
    Deferred<> room = f.ours->transport().drained().add_callback([&] {
        f.ours->transport().lose_connection();
        f.ours->transport().abort_connection();
    });
    f.wait_lost(f.ours);
    BOOST_TEST(f.ours->story() == "made lost: aborted");
    BOOST_TEST(room.ready());
}

// --- the end of a run

BOOST_FIXTURE_TEST_CASE(a_run_that_ends_with_bytes_queued_resets_their_connection, TcpFixture) {
    RawPeer peer(port->address(), 4096);
    Recorder& server = accept(peer);
    server.transport().write(numbered(20'000'000));
    reactor.call_soon([this] { reactor.stop(); });
    reactor.run();
    BOOST_TEST(server.story() == "made lost: aborted");
    std::string got;
    wait([&] {
        got += peer.take();
        return peer.ended() || peer.failed();
    });
    BOOST_TEST(peer.failed());  // it does not take what it has for the whole
}

BOOST_AUTO_TEST_CASE(a_port_that_a_run_stopped_outlives_its_reactor_too) {
    std::unique_ptr<ListeningPort> port;
    {
        Reactor reactor;
        port = listen_tcp(reactor, {"127.0.0.1", 0}, make_factory([](const Address&) { return nullptr; }));
        reactor.call_soon([&] { reactor.stop(); });
        reactor.run();
    }
    BOOST_CHECK_THROW(port->start_listening(), CannotListen);
}

// --- UNIX

BOOST_FIXTURE_TEST_CASE(half_closing_with_a_descriptor_and_no_byte_for_it_is_the_end, UnixFixture) {
    auto client = connect();
    client->unix_transport().send_descriptor(file("one"));
    client->transport().lose_write_connection();
    wait([&] { return client->reason.has_value(); });
    BOOST_TEST((client->reason->check<FileDescriptorOverrun>() != nullptr));
}

BOOST_FIXTURE_TEST_CASE(descriptors_that_come_with_the_one_that_hands_over_are_closed, UnixFixture) {
    auto client = connect();
    const auto next = std::make_shared<Recorder>();
    served[0]->when_descriptor = [&](UnixRecorder& r) {
        Transport& transport = r.transport();
        next->attach(transport);
        static_cast<void>(transport.hand_over(next));
    };
    client->unix_transport().send_descriptor(file("one"));
    client->unix_transport().send_descriptor(file("two"));
    client->transport().write("x");
    wait([&] { return next->received == "x"; });
    BOOST_TEST(served[0]->story == "made fd:one");
    client->transport().lose_connection();
    wait([&] { return next->reason.has_value(); });
}

BOOST_FIXTURE_TEST_CASE(a_port_holds_a_lock_beside_its_path_for_as_long_as_it_listens, UnixFixture) {
    const std::string other = directory.path() / "other";
    DeferredFilesystemLock lock(other + ".lock", reactor);
    BOOST_REQUIRE(lock.try_lock());
    BOOST_CHECK_EXCEPTION(listen(other), CannotListen,
                          [](const CannotListen& error) { return says(error, "it holds the lock on"); });
    lock.unlock();
    const auto second = listen(other);
    DeferredFilesystemLock again(other + ".lock", reactor);
    BOOST_TEST(!again.try_lock());
    second->stop_listening();
    BOOST_TEST(again.try_lock());
}

// --- writing

BOOST_AUTO_TEST_CASE(small_slices_behind_others_are_gathered) {
    plait::detail::WriteQueue queue;
    for (int i = 0; i < 100; ++i)
        queue.push(Bytes::copy(std::to_string(i)));
    std::array<iovec, 200> room;
    BOOST_TEST(queue.gather(room) == 2U);
}

BOOST_AUTO_TEST_CASE(a_large_write_to_a_file_leaves_turns_to_others) {
    Reactor reactor;
    support::TemporaryDirectory directory("turns");
    auto protocol = std::make_shared<Recorder>();
    UniqueFd file(::open((directory.path() / "made").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    reactor.run_until(adopt_pipes(reactor, UniqueFd(), std::move(file), protocol));
    bool between = false;
    protocol->transport().write(std::string(5'000'000, 'x'));
    reactor.call_soon([&] {
        reactor.call_soon([&] {
            const std::uint64_t sent = protocol->transport().bytes_sent();
            between = sent > 0 && sent < 5'000'000;
        });
    });
    protocol->transport().lose_connection();
    run_until(reactor, [&] { return protocol->reason.has_value(); });
    BOOST_TEST(between);
}

BOOST_AUTO_TEST_CASE(what_is_adopted_is_not_inherited) {
    Reactor reactor;
    int both[2];
    BOOST_REQUIRE(::pipe(both) == 0);
    const UniqueFd other(both[0]);
    auto protocol = std::make_shared<Recorder>();
    reactor.run_until(adopt_stream(reactor, UniqueFd(both[1]), protocol));
    BOOST_TEST((::fcntl(both[1], F_GETFD) & FD_CLOEXEC) == FD_CLOEXEC);
    protocol->transport().abort_connection();
    run_until(reactor, [&] { return protocol->reason.has_value(); });
}
