#define BOOST_TEST_MODULE send_file
#include "plait/tests/reactor/file_faults.hpp"

#include <boost/test/unit_test.hpp>

#include "plait/reactor/send_file.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"
#include "plait/tests/support/temporary_directory.hpp"

using namespace plait;
using namespace plait::testing;

namespace {

struct Sending : FileFaultsGuard, TcpFixture {
    support::TemporaryDirectory directory{"send"};
    std::string text = numbered(2'000'000);
    File file = make_file();
    std::shared_ptr<Recorder> client = connect_and_accept();

    File make_file() {
        const std::string path = directory.path() / "file";
        support::write_file(path, text);
        return reactor.run_until(open_file(reactor, path));
    }
    Recorder& server() { return *served.back(); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(send_file_suite, Sending)

BOOST_AUTO_TEST_CASE(a_whole_file_arrives) {
    BOOST_TEST(reactor.run_until(send_file(file, client->transport())) == text.size());
    client->transport().lose_connection();
    wait_lost(server());
    BOOST_TEST((server().received == text));
}

BOOST_AUTO_TEST_CASE(a_part_arrives) {
    const SendFileOptions part{.offset = 1000, .count = 200'000, .chunk = 1777};
    BOOST_TEST(reactor.run_until(send_file(file, client->transport(), part)) == 200'000u);
    client->transport().lose_connection();
    wait_lost(server());
    BOOST_TEST((server().received == text.substr(1000, 200'000)));
    BOOST_TEST(reactor.run_until(send_file(file, connect()->transport(), {.offset = 1'999'990})) == 10u);
    BOOST_TEST(reactor.run_until(send_file(file, connect()->transport(), {.count = 0})) == 0u);
}

BOOST_AUTO_TEST_CASE(closing_the_connection_waits_for_the_file) {
    Deferred<std::uint64_t> sending = send_file(file, client->transport());
    client->transport().lose_connection();
    BOOST_TEST(reactor.run_until(std::move(sending)) == text.size());
    wait_lost(server());
    BOOST_TEST((server().received == text));
    BOOST_TEST((server().reason->check<ConnectionDone>() != nullptr));
}

BOOST_AUTO_TEST_CASE(a_peer_that_does_not_read_makes_it_wait) {
    server().transport().pause_producing();
    File large = reactor.run_until(open_file(reactor, directory.path() / "large", OpenMode::create));
    reactor.run_until(large.truncate(64 * 1024 * 1024));
    Deferred<std::uint64_t> sending = send_file(large, client->transport());
    std::uint64_t sent = 1;
    wait([&] {
        return std::exchange(sent, client->transport().bytes_sent()) == client->transport().bytes_sent() && sent > 0;
    });
    BOOST_TEST(!sending.ready());
    BOOST_TEST(client->transport().write_buffered() <= Transport::default_high_water + 64 * 1024);
    server().transport().resume_producing();
    BOOST_TEST(reactor.run_until(std::move(sending)) == 64u * 1024 * 1024);
}

BOOST_AUTO_TEST_CASE(a_lost_connection_fails_it_with_the_reason) {
    server().transport().pause_producing();
    Deferred<std::uint64_t> sending = send_file(file, client->transport());
    client->transport().abort_connection();
    BOOST_CHECK_THROW(reactor.run_until(std::move(sending)), ConnectionAborted);
    BOOST_CHECK_THROW(reactor.run_until(send_file(file, client->transport())), ConnectionClosed);
}

BOOST_AUTO_TEST_CASE(a_connection_that_breaks_fails_it_with_what_broke_it) {
    server().transport().pause_producing();
    File large = reactor.run_until(open_file(reactor, directory.path() / "large", OpenMode::create));
    reactor.run_until(large.truncate(64 * 1024 * 1024));
    Deferred<std::uint64_t> sending = send_file(large, client->transport());
    settle(reactor);
    server().transport().abort_connection();
    BOOST_CHECK_EXCEPTION(reactor.run_until(std::move(sending)), ConnectionLost,
                          [&](const auto& e) { return says(e, "connection reset by peer"); });
}

BOOST_AUTO_TEST_CASE(a_transport_has_one_producer) {
    NotedProducer producer;
    client->transport().register_producer(producer);
    BOOST_CHECK_THROW(reactor.run_until(send_file(file, client->transport())), InvalidState);
    client->transport().unregister_producer();
    BOOST_TEST(reactor.run_until(send_file(file, client->transport())) == text.size());
}

BOOST_AUTO_TEST_CASE(cancelling_and_dropping_leave_the_connection_to_others) {
    for (const bool drop : {true, false}) {
        Deferred<std::uint64_t> sending = send_file(file, client->transport());
        if (drop) {
            const auto dropped = std::move(sending);
        } else {
            sending.cancel();
            BOOST_CHECK_THROW(sending.take().value(), Cancelled);
        }
        NotedProducer producer;
        client->transport().register_producer(producer);
        client->transport().unregister_producer();
    }
    client->transport().write("the end");
    client->transport().lose_connection();
    wait_lost(server());
    BOOST_TEST(server().received.ends_with("the end"));
}

BOOST_AUTO_TEST_CASE(the_file_may_be_gone_and_cannot_be_closed_under_it) {
    Deferred<std::uint64_t> sending = send_file(file, client->transport());
    file = File();
    BOOST_TEST(reactor.run_until(std::move(sending)) == text.size());

    File closed = make_file();
    Deferred<std::uint64_t> stopped = send_file(closed, client->transport());
    Deferred<> closing = closed.close();
    BOOST_CHECK_THROW(reactor.run_until(std::move(stopped)), FileClosed);
    reactor.run_until(std::move(closing));
    BOOST_CHECK_THROW(reactor.run_until(send_file(closed, client->transport())), FileClosed);
    BOOST_CHECK_THROW(reactor.run_until(send_file(file, client->transport())), FileClosed);
    BOOST_CHECK_THROW(reactor.run_until(send_file(file, client->transport(), {.chunk = 0})), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(the_end_of_the_reactor_fails_it) {
    Deferred<std::uint64_t> sending;
    File other_file;
    {
        Reactor other;
        other_file = other.run_until(open_file(other, directory.path() / "file"));
        auto protocol = std::make_shared<Recorder>();
        other.run_until(connect_tcp(other, where(), protocol));
        sending = send_file(other_file, protocol->transport());
    }
    BOOST_TEST(sending.ready());
    BOOST_CHECK_THROW(sending.take().value(), Error);
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_read_on_fails_it_and_leaves_the_connection_to_others) {
    file_faults.pread.fail_with({0, 0, EIO});
    BOOST_CHECK_EXCEPTION(reactor.run_until(send_file(file, client->transport())), FileError, [&](const FileError& e) {
        return says(e, "cannot read " + file.path() + ": input/output error");
    });
    BOOST_TEST(client->transport().bytes_sent() <= 128u * 1024);
    BOOST_TEST(reactor.run_until(send_file(file, client->transport(), {.count = 10})) == 10u);
    client->transport().lose_connection();
    wait_lost(server());
    BOOST_TEST((server().received == text.substr(0, 128 * 1024) + text.substr(0, 10)));
}

BOOST_AUTO_TEST_CASE(a_reactor_that_stops_fails_it_and_the_file_is_sent_in_the_next_run) {
    File large = reactor.run_until(open_file(reactor, directory.path() / "large", OpenMode::create));
    reactor.run_until(large.truncate(64 * 1024 * 1024));
    for (const bool for_the_peer : {true, false}) {  // it waits; else for the disk
        server().transport().pause_producing();
        Deferred<std::uint64_t> sending = send_file(large, client->transport());
        if (for_the_peer) settle(reactor);
        reactor.call_soon([&] { reactor.stop(); });
        reactor.run();
        BOOST_REQUIRE(sending.ready());
        BOOST_CHECK_THROW(sending.take().value(), Error);
        port->start_listening();
        client = connect_and_accept();
    }
    BOOST_TEST(reactor.run_until(send_file(large, client->transport(), {.count = 500'000})) == 500'000u);
    client->transport().lose_connection();
    wait_lost(server());
    BOOST_TEST((server().received == std::string(500'000, '\0')));
}

BOOST_AUTO_TEST_CASE(its_owner_may_be_destroyed_in_its_callback) {
    struct Owner {
        File file;
        Deferred<> sending;
    };
    auto owner = std::make_unique<Owner>();
    owner->file = std::move(file);
    owner->sending = send_file(owner->file, client->transport()).add_callback([&](std::uint64_t) { owner.reset(); });
    wait([&] { return owner == nullptr; });
}

BOOST_AUTO_TEST_SUITE_END()
