// Descriptors that were open before: pipes, files, terminals, sockets, ports.
#define BOOST_TEST_MODULE descriptors
#include "plait/reactor/descriptors.hpp"
#include "plait/reactor/metrics.hpp"

#include <fcntl.h>
#include <pty.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <csignal>

#include "plait/deferred/testing/outcomes.hpp"
#include "plait/tests/reactor/child_program.hpp"
#include "plait/tests/reactor/unix_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

struct Pipe {
    UniqueFd in;
    UniqueFd out;

    Pipe() {
        int both[2];
        if (::pipe2(both, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
        in.reset(both[0]);
        out.reset(both[1]);
    }
};

std::array<UniqueFd, 2> socket_pair(int type = SOCK_STREAM) {
    int both[2];
    if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, both) != 0) throw std::runtime_error("no sockets");
    return {UniqueFd(both[0]), UniqueFd(both[1])};
}

std::string read_all(int fd) {
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    std::string all;
    char room[65536];
    for (;;) {
        const ssize_t got = ::read(fd, room, sizeof room);
        if (got <= 0) return all;
        all.append(room, static_cast<std::size_t>(got));
    }
}

/// Nobody writes to it any more and it is empty.
bool at_end(int fd) {
    char one;
    return ::read(fd, &one, 1) == 0;
}

void put(const UniqueFd& fd, std::string_view text) {
    BOOST_REQUIRE(::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

struct Fixture {
    Reactor reactor;
    support::TemporaryDirectory directory{"descriptors"};
    std::shared_ptr<Recorder> protocol = std::make_shared<Recorder>();

    void adopt(UniqueFd stream) { reactor.run_until(adopt_stream(reactor, std::move(stream), protocol)); }
    void adopt(UniqueFd in, UniqueFd out) {
        reactor.run_until(adopt_pipes(reactor, std::move(in), std::move(out), protocol));
    }
    void wait(const std::function<bool()>& condition) { run_until(reactor, condition); }
    void wait_lost() {
        wait([&] { return protocol->reason.has_value(); });
    }
    UniqueFd open(const std::string& name, int flags) {
        return UniqueFd(::open((directory.path() / name).c_str(), flags | O_CLOEXEC, 0600));
    }
};

}  // namespace

// --- pipes

BOOST_FIXTURE_TEST_CASE(taking_over_that_is_begun_at_the_end_of_a_run_fails_and_closes, Fixture) {
    Pipe pipe;
    const std::string name = "descriptor " + std::to_string(pipe.out.get());
    Deferred<std::shared_ptr<Protocol>> adopting;
    const SystemEventTrigger last = reactor.add_system_event_trigger(EventPhase::during, "shutdown", [&] {
        adopting = adopt_stream(reactor, std::move(pipe.out), protocol);
        BOOST_TEST(reactor.dump().find("  " + name + ", about to be taken over\n") != std::string::npos);
    });
    reactor.call_when_running([this] { reactor.stop(); });
    reactor.run();
    static_cast<void>(
        failure_of<ConnectError>(adopting, "cannot take over " + name + ": the reactor was stopped or destroyed"));
    settle(reactor);
    BOOST_TEST(protocol->story() == "");
    BOOST_TEST(read_all(pipe.in.get()) == "");
    BOOST_TEST(at_end(pipe.in.get()));
}

BOOST_FIXTURE_TEST_CASE(a_pair_of_pipes_is_one_stream, Fixture) {
    Pipe to_us;
    Pipe from_us;
    adopt(std::move(to_us.in), std::move(from_us.out));
    put(to_us.out, "question");
    wait([&] { return protocol->received == "question"; });
    protocol->transport().write("answer");
    settle(reactor);
    BOOST_TEST(read_all(from_us.in.get()) == "answer");
    BOOST_TEST(protocol->transport().bytes_received() == 8U);
    BOOST_TEST(protocol->transport().bytes_sent() == 6U);
    to_us.out.reset();
    wait_lost();
    BOOST_TEST(protocol->story() == "made data end lost: done");
    BOOST_TEST(at_end(from_us.in.get()));
}

BOOST_FIXTURE_TEST_CASE(large_writes_wait_for_the_pipe_and_tell_a_producer, Fixture) {
    Pipe from_us;
    adopt(UniqueFd(), std::move(from_us.out));
    NotedProducer producer;
    protocol->transport().register_producer(producer);
    const std::string text = numbered(1'000'000);
    protocol->transport().write(text);
    std::string got;
    wait([&] { return (got += read_all(from_us.in.get())).size() == text.size(); });
    BOOST_TEST((got == text));
    BOOST_TEST(producer.told == "pause resume ");
    protocol->transport().unregister_producer();
    protocol->transport().lose_connection();
    wait_lost();
    BOOST_TEST(protocol->story() == "made lost: done");
}

BOOST_FIXTURE_TEST_CASE(many_pieces_arrive_in_order, Fixture) {
    Pipe from_us;
    adopt(UniqueFd(), std::move(from_us.out));
    const std::string text = numbered(300'000);
    for (std::size_t at = 0; at < text.size(); at += 600)
        protocol->transport().write(Bytes::copy(std::string_view(text).substr(at, 600)));
    std::string got;
    wait([&] { return (got += read_all(from_us.in.get())).size() == text.size(); });
    BOOST_TEST((got == text));
}

BOOST_FIXTURE_TEST_CASE(half_closing_closes_the_writing_end_alone, Fixture) {
    Pipe to_us;
    Pipe from_us;
    adopt(std::move(to_us.in), std::move(from_us.out));
    protocol->transport().write("last");
    protocol->transport().lose_write_connection();
    settle(reactor);
    BOOST_TEST(read_all(from_us.in.get()) == "last");
    BOOST_TEST(at_end(from_us.in.get()));
    BOOST_TEST(protocol->story() == "made");
    put(to_us.out, "still heard");
    wait([&] { return protocol->received == "still heard"; });
    to_us.out.reset();
    wait_lost();
    BOOST_TEST(protocol->events.back() == "lost: done");
}

BOOST_FIXTURE_TEST_CASE(the_end_of_the_input_leaves_the_output_open, Fixture) {
    Pipe to_us;
    Pipe from_us;
    protocol->close_at_end = false;
    adopt(std::move(to_us.in), std::move(from_us.out));
    to_us.out.reset();
    wait([&] { return protocol->events.back() == "end"; });
    protocol->transport().write("after the end");
    settle(reactor);
    BOOST_TEST(read_all(from_us.in.get()) == "after the end");
    protocol->transport().lose_connection();
    wait_lost();
}

BOOST_FIXTURE_TEST_CASE(writing_to_a_pipe_nobody_reads_raises_no_signal, Fixture) {
    static volatile std::sig_atomic_t raised = 0;
    const auto before = std::signal(SIGPIPE, [](int) { raised = 1; });
    Pipe to_us;
    Pipe from_us;
    adopt(std::move(to_us.in), std::move(from_us.out));
    from_us.in.reset();
    settle(reactor);
    BOOST_TEST(protocol->story() == "made");  // there may be something to read yet
    protocol->transport().write("to nobody");
    wait_lost();
    std::signal(SIGPIPE, before);
    BOOST_TEST(raised == 0);
    BOOST_TEST(protocol->story() == "made lost: broken");
    BOOST_TEST(says(*protocol->reason->exception(), "broken pipe"));
}

BOOST_FIXTURE_TEST_CASE(a_pipe_for_writing_alone_notices_that_its_reader_went_and_does_not_spin, Fixture) {
    Pipe from_us;
    adopt(UniqueFd(), std::move(from_us.out));
    from_us.in.reset();
    wait_lost();
    BOOST_TEST(protocol->story() == "made lost: broken");

    Pipe to_them;
    Pipe duplex;
    protocol = std::make_shared<Recorder>();
    adopt(std::move(duplex.in), std::move(to_them.out));
    to_them.in.reset();
    const long before = cpu_microseconds();
    reactor.run_until(reactor.sleep(200ms));
    BOOST_TEST(cpu_microseconds() - before < 100'000);
}

BOOST_FIXTURE_TEST_CASE(one_end_of_a_pipe_is_a_stream_in_one_direction, Fixture) {
    Pipe pipe;
    auto writer = std::make_shared<Recorder>();
    reactor.run_until(adopt_stream(reactor, std::move(pipe.out), writer));
    adopt(std::move(pipe.in));
    protocol->transport().write("nowhere");
    writer->transport().write("hello");
    writer->transport().lose_connection();
    wait_lost();
    BOOST_TEST(protocol->received == "hello");
    BOOST_TEST(protocol->story() == "made data end lost: done");
    BOOST_TEST(writer->story() == "made lost: done");
}

// --- files

BOOST_FIXTURE_TEST_CASE(a_regular_file_is_read_in_turns_to_its_end, Fixture) {
    const std::string text = numbered(3'000'000);
    support::write_file(directory.path() / "data", text);
    protocol->close_at_end = false;
    bool others_had_a_turn = false;
    protocol->when_data = [&](Recorder& r, const Bytes&) {
        if (r.received.size() < 200'000)
            reactor.call_soon([&] { others_had_a_turn = protocol->events.back() != "end"; });
    };
    adopt(open("data", O_RDONLY));
    wait([&] { return protocol->events.back() == "end" || protocol->reason; });
    BOOST_TEST((protocol->received == text));
    BOOST_TEST(others_had_a_turn);
    wait_lost();  // there is no direction left
    BOOST_TEST(protocol->story() == "made data end lost: done");
}

BOOST_FIXTURE_TEST_CASE(reading_a_file_can_be_paused_and_costs_nothing_then, Fixture) {
    support::write_file(directory.path() / "data", numbered(1'000'000));
    protocol->when_data = [](Recorder& r, const Bytes&) { r.transport().pause_producing(); };
    adopt(open("data", O_RDONLY));
    wait([&] { return !protocol->received.empty(); });
    const std::size_t so_far = protocol->received.size();
    const long before = cpu_microseconds();
    reactor.run_until(reactor.sleep(150ms));
    BOOST_TEST(cpu_microseconds() - before < 75'000);
    BOOST_TEST(protocol->received.size() == so_far);
    protocol->when_data = [](Recorder&, const Bytes&) {};
    protocol->transport().resume_producing();
    wait_lost();
    BOOST_TEST((protocol->received == numbered(1'000'000)));
}

BOOST_FIXTURE_TEST_CASE(a_regular_file_is_written_in_turns, Fixture) {
    const std::string text = numbered(5'000'000);
    adopt(UniqueFd(), open("made", O_WRONLY | O_CREAT));
    protocol->transport().write(text);
    protocol->transport().lose_connection();
    wait_lost();
    BOOST_TEST(protocol->story() == "made lost: done");
    BOOST_TEST((support::read_file(directory.path() / "made") == text));
}

BOOST_FIXTURE_TEST_CASE(a_full_device_is_a_typed_loss, Fixture) {
    adopt(UniqueFd(), UniqueFd(::open("/dev/full", O_WRONLY | O_CLOEXEC)));
    protocol->transport().write("x");
    wait_lost();
    BOOST_TEST(protocol->reason->check<ConnectionLost>());
    BOOST_TEST(says(*protocol->reason->exception(), "no space left"));
}

BOOST_FIXTURE_TEST_CASE(a_file_stream_may_be_aborted_and_let_go_from_each_callback, Fixture) {
    support::write_file(directory.path() / "data", "text");
    for (const int when : {0, 1, 2}) {
        protocol = std::make_shared<Recorder>();
        const auto leave = [&](Recorder& r, auto&&...) {
            r.transport().abort_connection();
            protocol.reset();
        };
        if (when == 0) protocol->when_made = leave;
        if (when == 1) protocol->when_data = leave;
        if (when == 2) protocol->when_ended = leave;
        const std::weak_ptr<Recorder> watched = protocol;
        static_cast<void>(reactor.run_until(adopt_stream(reactor, open("data", O_RDONLY), protocol)));
        wait([&] { return watched.expired(); });
    }
}

// --- terminals

BOOST_FIXTURE_TEST_CASE(a_terminal_is_one_descriptor_both_ways_and_its_hang_up_is_an_end, Fixture) {
    int master = -1;
    int slave = -1;
    BOOST_REQUIRE(::openpty(&master, &slave, nullptr, nullptr, nullptr) == 0);
    UniqueFd other(slave);
    adopt(UniqueFd(master));
    protocol->transport().write("typed\n");
    wait([&] { return protocol->received.find("typed") != std::string::npos; });  // the echo
    put(other, "shown\n");
    wait([&] { return protocol->received.find("shown\r\n") != std::string::npos; });
    BOOST_TEST(read_all(other.get()) == "typed\n");
    other.reset();
    wait_lost();
    BOOST_TEST(protocol->story() == "made data end lost: done");
}

// --- sockets and ports

BOOST_FIXTURE_TEST_CASE(a_socket_of_a_pair_can_pass_descriptors, Fixture) {
    auto [one, other] = socket_pair();
    auto left = std::make_shared<UnixRecorder>();
    auto right = std::make_shared<UnixRecorder>();
    reactor.run_until(adopt_stream(reactor, std::move(one), left));
    reactor.run_until(adopt_stream(reactor, std::move(other), right));
    support::write_file(directory.path() / "data", "text");
    left->unix_transport().send_descriptor(open("data", O_RDONLY));
    left->transport().write("x");
    wait([&] { return right->story == "made fd:text x"; });
    BOOST_TEST(right->transport().peer().str() == "an unnamed socket");
    left->transport().lose_connection();
    wait([&] { return right->reason.has_value(); });
}

BOOST_FIXTURE_TEST_CASE(a_connected_tcp_socket_is_adopted_with_its_addresses, TcpFixture) {
    UniqueFd fd = plait::detail::make_stream_socket(AF_INET);
    const auto to = plait::detail::to_socket_address(port->address());
    static_cast<void>(::connect(fd.get(), to->get(), to->size));
    const Address here = plait::detail::local_address(fd.get());
    auto client = std::make_shared<Recorder>();
    prepare = echo;
    reactor.run_until(adopt_stream(reactor, std::move(fd), client));
    client->transport().write("hello");
    wait([&] { return client->received == "hello"; });
    BOOST_TEST((client->transport().host() == here));
    BOOST_TEST((client->transport().peer() == port->address()));
}

BOOST_FIXTURE_TEST_CASE(what_is_no_stream_is_refused_and_closed, Fixture) {
    const std::size_t before = open_descriptors();
    const auto refused = [&](UniqueFd fd, std::string_view why) {
        BOOST_CHECK_EXCEPTION(reactor.run_until(adopt_stream(reactor, std::move(fd), protocol)), ConnectError,
                              [&](const ConnectError& error) { return says(error, why); });
    };
    refused(UniqueFd(), "bad file descriptor");
    refused(UniqueFd(9999), "cannot take over descriptor 9999: bad file descriptor");
    refused(std::move(socket_pair(SOCK_DGRAM)[0]), "not a stream");
    refused(plait::detail::make_stream_socket(AF_INET), "not connected");
    refused(UniqueFd(::open("/", O_RDONLY | O_CLOEXEC)), "directory");
    BOOST_CHECK_THROW(reactor.run_until(adopt_pipes(reactor, UniqueFd(), UniqueFd(), protocol)), ConnectError);
    BOOST_CHECK_THROW(reactor.run_until(adopt_pipes(reactor, UniqueFd(9999), UniqueFd(), protocol)), ConnectError);
    BOOST_TEST(protocol->story() == "");
    BOOST_TEST(open_descriptors() == before);
}

BOOST_FIXTURE_TEST_CASE(dropping_the_adoption_closes_the_descriptors, Fixture) {
    Pipe pipe;
    {
        const auto adopting = adopt_pipes(reactor, std::move(pipe.in), UniqueFd(), protocol);
        BOOST_TEST(!adopting.ready());
    }
    settle(reactor);
    BOOST_TEST(protocol->story() == "");
    const auto before = std::signal(SIGPIPE, SIG_IGN);
    BOOST_TEST(::write(pipe.out.get(), "x", 1) == -1);
    BOOST_TEST(errno == EPIPE);
    std::signal(SIGPIPE, before);
}

BOOST_FIXTURE_TEST_CASE(a_listening_socket_becomes_a_port_of_its_kind, UnixFixture) {
    UniqueFd listening = plait::detail::make_stream_socket(AF_INET);
    const auto any = plait::detail::to_socket_address({"127.0.0.1", 0});
    BOOST_REQUIRE(::bind(listening.get(), any->get(), any->size) == 0);
    BOOST_CHECK_THROW(adopt_listening_port(reactor, UniqueFd(::dup(listening.get())), factory()), CannotListen);
    BOOST_REQUIRE(::listen(listening.get(), 4) == 0);
    const UniqueFd ours(::dup(listening.get()));  // as another process would have
    const auto tcp = adopt_listening_port(reactor, std::move(listening), factory());
    BOOST_TEST(tcp->address().ip == "127.0.0.1");
    auto client = std::make_shared<Recorder>();
    reactor.run_until(connect_tcp(reactor, {"127.0.0.1", tcp->address().port}, client));
    wait([&] { return served.size() == 1; });
    tcp->stop_listening();
    BOOST_CHECK_THROW(tcp->start_listening(), CannotListen);
    RawPeer still_open(tcp->address());
    BOOST_CHECK_THROW(adopt_listening_port(reactor, UniqueFd(9999), factory()), CannotListen);
    BOOST_CHECK_THROW(adopt_listening_port(reactor, UniqueFd(), factory()), CannotListen);
}

BOOST_FIXTURE_TEST_CASE(a_listening_unix_socket_becomes_a_port_that_passes_descriptors, UnixFixture) {
    port.reset();
    UniqueFd listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    path.copy(where.sun_path, sizeof where.sun_path - 1);
    BOOST_REQUIRE(::bind(listening.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0);
    BOOST_REQUIRE(::listen(listening.get(), 4) == 0);
    port = adopt_listening_port(reactor, std::move(listening), factory());
    BOOST_TEST(port->address().str() == path);
    auto client = connect();
    client->unix_transport().send_descriptor(file("one"));
    client->transport().write("x");
    wait([&] { return served[0]->story == "made fd:one x"; });
}

BOOST_FIXTURE_TEST_CASE(of_two_ends_of_which_one_is_no_good_both_are_closed, Fixture) {
    Pipe good;
    adopt(UniqueFd(::open("/dev/null", O_WRONLY | O_CLOEXEC)), std::move(good.out));  // nothing can be read from that
    wait_lost();
    BOOST_TEST(protocol->reason->check<ConnectionLost>());
    char one = 0;
    BOOST_TEST(::read(good.in.get(), &one, 1) == 0);  // its reader sees the end
}

BOOST_FIXTURE_TEST_CASE(a_fifo_open_for_both_does_not_spin, Fixture) {
    BOOST_REQUIRE(::mkfifo((directory.path() / "fifo").c_str(), 0600) == 0);
    Pipe input;
    adopt(std::move(input.in), open("fifo", O_RDWR));
    protocol->transport().write("x");
    settle(reactor);
    const std::uint64_t turns = reactor.metrics().turns;
    settle(reactor);
    BOOST_TEST(reactor.metrics().turns - turns < 30U);
    protocol->transport().abort_connection();
    wait_lost();
}
