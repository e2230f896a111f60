// UNIX datagrams: paths, senders with and without a name, receivers that are full or gone.
#define BOOST_TEST_MODULE unix_datagram
#include "plait/reactor/unix_datagram.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <boost/test/unit_test.hpp>

#include "plait/reactor/metrics.hpp"
#include "plait/tests/reactor/reports.hpp"
#include "plait/tests/reactor/udp_fixture.hpp"
#include "plait/tests/reactor/unix_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

/// A socket that never reads, or only when a test says so.
struct RawReceiver {
    UniqueFd fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};

    explicit RawReceiver(const std::string& path) {
        sockaddr_un where{};
        where.sun_family = AF_UNIX;
        path.copy(where.sun_path, sizeof where.sun_path - 1);
        if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
            throw std::runtime_error("cannot bind");
    }

    int take() {
        int count = 0;
        for (char room[65536]; ::recv(fd.get(), room, sizeof room, 0) >= 0;)
            ++count;
        return count;
    }
};

/// More than any kernel keeps for one receiver.
constexpr int too_many = 2000;

struct Fixture {
    support::TemporaryDirectory directory{"datagrams"};
    std::string path = directory.path() / "port";
    Address address{path, 0};
    Reactor reactor;
    std::shared_ptr<DatagramRecorder> a = std::make_shared<DatagramRecorder>();
    std::shared_ptr<DatagramRecorder> b = std::make_shared<DatagramRecorder>();

    std::unique_ptr<DatagramPort> listen(const std::string& where, const std::shared_ptr<DatagramProtocol>& protocol,
                                         const UnixDatagramOptions& options = {}) {
        return listen_unix_datagram(reactor, where, protocol, options);
    }
    void wait(const std::function<bool()>& condition) { run_until(reactor, condition); }
    void wait_for(const DatagramRecorder& recorder, std::string_view event) {
        wait([&] { return recorder.has(event); });
    }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_datagram_is_echoed_by_name, Fixture) {
    UdpFixture::echo(*a);
    const auto server = listen(path, a);
    const auto client = listen(directory.path() / "client", b);
    BOOST_TEST(a->events.empty());
    BOOST_TEST(client->write("hello", address));
    wait_for(*b, "hello");
    BOOST_TEST((b->senders.at(0) == address));
    BOOST_TEST((a->senders.at(0) == client->host()));
    BOOST_TEST(a->story() == "start hello");
    BOOST_TEST(server->host().str() == path);
    BOOST_TEST(client->counters().sent == 1u);
}

BOOST_FIXTURE_TEST_CASE(who_asks_without_a_path_is_answered_at_a_name_that_the_system_chose, Fixture) {
    UdpFixture::echo(*a);
    const auto server = listen(path, a);
    const auto client = connect_unix_datagram(reactor, path, b);
    BOOST_TEST(client->host().ip.starts_with("@"));
    client->write("hello");
    wait_for(*b, "hello");
    BOOST_TEST((a->senders.at(0) == client->host()));
    BOOST_TEST(reactor.dump().find("the UNIX datagram port " + client->host().str() + " connected to " + path) !=
               std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_peer_is_known_by_its_own_name_whatever_path_led_to_it, Fixture) {
    UdpFixture::echo(*a);
    const auto server = listen(path, a);
    const auto client = connect_unix_datagram(reactor, directory.path() / "." / "port", b);
    client->write("hello");
    client->write("and by its name", address);
    client->connect({directory.path() / "." / "port", 0});
    client->write("and by that path", {directory.path() / "." / "port", 0});
    wait_for(*b, "and by that path");
    BOOST_TEST(b->story() == "start hello and by its name and by that path");
}

BOOST_FIXTURE_TEST_CASE(who_writes_again_whenever_one_was_lost_does_not_keep_the_loop_to_himself, Fixture) {
    struct Stubborn final : DatagramRecorder {
        std::unique_ptr<DatagramPort> port;
        int losses = 0;
        void connection_refused() override {
            ++losses;
            port->write("again");
        }
    };
    auto server = listen(path, a);
    const auto stubborn = std::make_shared<Stubborn>();
    stubborn->port = connect_unix_datagram(reactor, path, stubborn);
    server.reset();
    stubborn->port->write("once");
    bool others_had_their_turn = false;
    const auto call = reactor.call_later(10ms, [&] { others_had_their_turn = true; });
    wait([&] { return others_had_their_turn && stubborn->losses > 1; });
}

BOOST_FIXTURE_TEST_CASE(an_abstract_name_needs_no_file, Fixture) {
    const std::string name = "@plait-datagram-test-" + std::to_string(::getpid());
    UdpFixture::echo(*a);
    const auto server = listen(name, a);
    BOOST_TEST(server->host().str() == name);
    const auto client = connect_unix_datagram(reactor, name, b);
    client->write("hello");
    wait_for(*b, "hello");
    BOOST_TEST(b->senders.at(0).str() == name);
    BOOST_CHECK_THROW(listen(name, b), CannotListen);
}

BOOST_FIXTURE_TEST_CASE(a_sender_without_a_name_has_an_empty_address_and_is_not_answered, Fixture) {
    const auto server = listen(path, a);
    const UniqueFd nameless(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto to = plait::detail::SocketAddress([&] {
        plait::detail::SocketAddress result;
        auto& where = reinterpret_cast<sockaddr_un&>(result.storage);
        where.sun_family = AF_UNIX;
        path.copy(where.sun_path, sizeof where.sun_path - 1);
        result.size = sizeof where;
        return result;
    }());
    const auto named = listen(directory.path() / "named", b);
    named->write("first", address);
    wait_for(*a, "first");
    BOOST_REQUIRE(::sendto(nameless.get(), "x", 1, 0, to.get(), to.size) == 1);
    wait_for(*a, "x");
    BOOST_TEST((a->senders.at(1) == Address{}));
    BOOST_CHECK_EXCEPTION(server->write("to whom?", a->senders.at(1)), BadDatagramAddress,
                          [](const auto& e) { return says(e, "the address is empty"); });
    named->write("second", address);
    wait_for(*a, "second");
    BOOST_TEST((a->senders.at(2) == named->host()));
}

BOOST_FIXTURE_TEST_CASE(datagrams_stay_whole_in_order_and_none_is_lost_between_connected_ports, Fixture) {
    const auto server = listen(path, a);
    const auto client = connect_unix_datagram(reactor, path, b, {.most_queued = 16 * 1024 * 1024});
    for (int i = 0; i < too_many; ++i)
        client->write(std::to_string(i), address);
    wait_for(*a, std::to_string(too_many - 1));
    BOOST_REQUIRE(a->received.size() == static_cast<std::size_t>(too_many));
    for (std::size_t i = 0; i < a->received.size(); ++i)
        BOOST_TEST(a->received[i].view() == std::to_string(i));
    BOOST_TEST(client->counters().dropped == 0u);
    BOOST_TEST(client->counters().refused == 0u);
}

BOOST_FIXTURE_TEST_CASE(empty_long_and_too_long_datagrams_are_what_they_are, Fixture) {
    const auto server = listen(path, a, {.most_received = 60'000});
    const auto small = listen(directory.path() / "small", a, {.most_received = 4});
    const auto client = listen("", b);
    client->write("", address);
    client->write(numbered(60'000), address);
    wait([&] { return a->received.size() == 2; });
    BOOST_TEST(a->received[0].empty());
    BOOST_TEST((a->received[1].view() == numbered(60'000)));
    client->write("12345", small->host());
    wait_for(*a, "truncated 1234 of 5");
    client->write(std::string(16 * 1024 * 1024, 'x'), address);
    wait_for(*b, "failed to " + path);
    BOOST_TEST(b->last_failure.find("of 16777216 bytes to " + path + " was not sent: message too long") !=
               std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(descriptors_sent_along_are_closed, Fixture) {
    const auto server = listen(path, a);
    const auto client = listen("", b);
    settle(reactor);
    const UniqueFd raw(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    path.copy(where.sun_path, sizeof where.sun_path - 1);
    char text[] = "with";
    iovec piece{text, 4};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_name = &where;
    message.msg_namelen = sizeof where;
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int passed = raw.get();
    std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
    const std::size_t before = open_descriptors();
    BOOST_REQUIRE(::sendmsg(raw.get(), &message, 0) == 4);
    wait_for(*a, "with");
    BOOST_TEST(open_descriptors() == before);
}

// --- receivers that are full or gone

BOOST_FIXTURE_TEST_CASE(a_connected_port_waits_for_a_full_receiver_and_does_not_spin, Fixture) {
    RawReceiver slow(path);
    const auto client = connect_unix_datagram(reactor, path, b, {.most_queued = 16 * 1024 * 1024});
    for (int i = 0; i < too_many; ++i)
        client->write("x");
    settle(reactor);
    const std::uint64_t turns = reactor.metrics().turns;
    settle(reactor);
    BOOST_TEST(reactor.metrics().turns - turns < 20u);
    BOOST_TEST(client->write_buffered() > 0u);
    int taken = 0;
    wait([&] { return (taken += slow.take()) == too_many; });
    BOOST_TEST(b->story() == "start");
}

BOOST_FIXTURE_TEST_CASE(a_full_receiver_costs_a_port_for_many_its_own_datagrams_and_little_time, Fixture) {
    const RawReceiver stuck(path);
    const auto other = listen(directory.path() / "other", a);
    const auto server = listen("", b, {.most_queued = 16 * 1024 * 1024});
    const TimePoint begun = reactor.now();
    for (int i = 0; i < too_many; ++i) {
        server->write("x", address);
        if (i % 400 == 399) server->write(std::to_string(i), other->host());
    }
    wait_for(*a, std::to_string(too_many - 1));
    BOOST_TEST((reactor.now() - begun < 10s));  // and not 30 ms for each
    BOOST_TEST(a->received.size() == static_cast<std::size_t>(too_many / 400));
    BOOST_TEST(b->last_failure.find("who receives there does not keep up") != std::string::npos);
    BOOST_TEST(server->counters().refused + server->counters().sent ==
               static_cast<std::uint64_t>(too_many + too_many / 400));
}

BOOST_FIXTURE_TEST_CASE(a_receiver_that_catches_up_in_time_loses_nothing, Fixture) {
    const auto server = listen(path, a);
    const auto client = listen("", b, {.most_queued = 16 * 1024 * 1024});
    const int many = too_many / 4;
    for (int i = 0; i < many; ++i)
        client->write(std::to_string(i), address);
    wait([&] { return a->received.size() == static_cast<std::size_t>(many); });
    BOOST_TEST(b->story() == "start");
}

BOOST_FIXTURE_TEST_CASE(a_port_for_many_is_told_of_those_that_are_not_there, Fixture) {
    const auto client = listen("", b);
    const auto server = listen(directory.path() / "other", a);
    client->write("x", address);
    client->write("arrives", server->host());
    wait_for(*a, "arrives");
    BOOST_TEST(b->story() == "start failed to " + path);
    BOOST_TEST(b->last_failure.find("no such file") != std::string::npos);
    BOOST_TEST(client->counters().refused == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_connected_port_is_told_that_its_peer_is_gone_and_finds_the_next_one_at_its_path, Fixture) {
    auto server = listen(path, a);
    const auto client = connect_unix_datagram(reactor, path, b);
    client->write("one");
    wait_for(*a, "one");
    server.reset();
    client->write("lost");
    client->write("lost too");
    wait([&] { return b->events.size() == 3; });
    BOOST_TEST(b->story() == "start refused refused");
    BOOST_TEST(client->counters().refused == 2u);
    server = listen(path, a);
    client->write("two");
    wait_for(*a, "two");
    BOOST_TEST(b->story() == "start refused refused");
    BOOST_TEST(client->counters().sent == 2u);
}

BOOST_FIXTURE_TEST_CASE(a_peer_that_was_replaced_is_not_noticed_at_all, Fixture) {
    auto server = listen(path, a);
    const auto client = connect_unix_datagram(reactor, path, b);
    server.reset();
    const auto again = std::make_shared<DatagramRecorder>();
    server = listen(path, again);
    client->write("hello");
    wait_for(*again, "hello");
    BOOST_TEST(b->story() == "start");
}

BOOST_FIXTURE_TEST_CASE(the_port_may_be_destroyed_when_its_peer_is_gone, Fixture) {
    struct Quitter final : DatagramRecorder {
        std::unique_ptr<DatagramPort> port;
        void connection_refused() override {
            DatagramRecorder::connection_refused();
            port.reset();
        }
    };
    auto server = listen(path, a);
    const auto quitter = std::make_shared<Quitter>();
    quitter->port = connect_unix_datagram(reactor, path, quitter);
    server.reset();
    quitter->port->write("one");
    quitter->port->write("two");
    wait_for(*quitter, "stop");
    BOOST_TEST(quitter->story() == "start refused stop");
}

BOOST_FIXTURE_TEST_CASE(a_connected_port_hears_its_peer_alone, Fixture) {
    UdpFixture::echo(*a);
    const auto server = listen(path, a);
    const auto client = listen(directory.path() / "client", b);
    const auto stranger_recorder = std::make_shared<DatagramRecorder>();
    const auto stranger = listen("", stranger_recorder);
    stranger->write("before", client->host());
    stranger->stop_listening();
    client->connect(address);
    client->write("hello");
    wait_for(*b, "hello");
    BOOST_TEST(b->story() == "start hello");
    BOOST_CHECK_THROW(client->write("x", {directory.path() / "other", 0}), InvalidState);
}

// --- paths

BOOST_FIXTURE_TEST_CASE(the_file_has_the_mode_asked_for_and_goes_when_the_port_stops_however_it_does, Fixture) {
    for (const int how : {0, 1, 2}) {
        auto port = listen(path, a, {.mode = 0600});
        struct stat about{};
        BOOST_REQUIRE(::stat(path.c_str(), &about) == 0);
        BOOST_TEST((about.st_mode & 0777) == 0600U);
        settle(reactor);
        if (how == 0) port->stop_listening();
        if (how == 1) reactor.run_until(port->close());
        if (how == 2) port.reset();
        BOOST_TEST(!std::filesystem::exists(path));
    }
}

BOOST_FIXTURE_TEST_CASE(a_path_in_use_is_refused_and_left_alone, Fixture) {
    const auto port = listen(path, a);
    BOOST_CHECK_EXCEPTION(listen(path, b), CannotListen, [&](const CannotListen& error) {
        return says(error, "cannot listen on " + path) && says(error, "another program listens there");
    });
    const std::string other = directory.path() / "other";
    const auto without_lock = listen(other, a, {.remove_stale = false});
    BOOST_CHECK_THROW(listen(other, b), CannotListen);
    BOOST_CHECK_THROW(listen(other, b, {.remove_stale = false}), CannotListen);
    const auto client = connect_unix_datagram(reactor, other, b);
    client->write("still there");
    wait_for(*a, "still there");
}

BOOST_FIXTURE_TEST_CASE(a_stream_port_at_the_path_is_left_alone_too, Fixture) {
    const auto streams =
        listen_unix(reactor, path, make_factory([](const Address&) { return nullptr; }), {.remove_stale = false});
    BOOST_CHECK_THROW(listen(path, a), CannotListen);
    BOOST_TEST(std::filesystem::exists(path));
}

BOOST_FIXTURE_TEST_CASE(a_socket_left_behind_is_replaced_and_nothing_else_is, Fixture) {
    {
        const RawReceiver left_behind(path);
    }
    BOOST_CHECK_THROW(listen(path, a, {.remove_stale = false}), CannotListen);
    const auto port = listen(path, a);
    const std::string precious = directory.path() / "precious";
    support::write_file(precious, "data");
    BOOST_CHECK_THROW(listen(precious, a), CannotListen);
    BOOST_TEST(support::read_file(precious) == "data");
}

BOOST_FIXTURE_TEST_CASE(bad_paths_addresses_and_options_are_named, Fixture) {
    for (const std::string& bad : {std::string(200, 'x'), std::string("a\0b", 3)})
        BOOST_CHECK_THROW(listen(bad, a), CannotListen);
    BOOST_CHECK_THROW(listen("/nowhere/at/all", a), CannotListen);
    BOOST_CHECK_EXCEPTION(connect_unix_datagram(reactor, path, a), DatagramRefused,
                          [&](const auto& e) { return says(e, "cannot connect a UNIX datagram port to " + path); });
    BOOST_CHECK_THROW(listen(path, nullptr), std::invalid_argument);
    BOOST_CHECK_EXCEPTION(listen(path, a, {.most_received = 0}), std::invalid_argument,
                          [](const auto& e) { return says(e, "UnixDatagramOptions::most_received"); });
    const auto port = listen(path, a);
    BOOST_CHECK_EXCEPTION(port->write("x", {"127.0.0.1", 53}), BadDatagramAddress,
                          [](const auto& e) { return says(e, "a path and port 0"); });
    BOOST_CHECK_THROW(port->write("x", {std::string(200, 'x'), 0}), BadDatagramAddress);
    BOOST_CHECK_THROW(port->write("x", Address{}), BadDatagramAddress);
    BOOST_CHECK_THROW(port->write("x"), InvalidState);
    BOOST_CHECK_THROW(port->connect({"", 0}), BadDatagramAddress);
    settle(reactor);
    BOOST_TEST(a->story() == "start");
}

BOOST_AUTO_TEST_CASE(a_port_may_outlive_its_reactor_and_its_file_does_not) {
    support::TemporaryDirectory directory("datagrams");
    const std::string path = directory.path() / "port";
    const auto protocol = std::make_shared<DatagramRecorder>();
    std::unique_ptr<DatagramPort> port;
    {
        Reactor reactor;
        port = listen_unix_datagram(reactor, path, protocol);
        settle(reactor);
    }
    BOOST_TEST(!std::filesystem::exists(path));
    BOOST_TEST(protocol->story() == "start stop");
    BOOST_TEST(!port->write("x", {path, 0}));
    BOOST_TEST(port->host().str() == path);
}
