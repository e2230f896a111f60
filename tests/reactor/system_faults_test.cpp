// Streams and ports while the system fails: interrupted, short, out of memory or descriptors.
#define BOOST_TEST_MODULE system_faults
#include "plait/tests/reactor/system_faults.hpp"

#include <fcntl.h>
#include <termios.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "plait/reactor/descriptors.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"
#include "plait/tests/reactor/unix_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

struct Fixture : FaultsGuard, TcpFixture {
    /// Sends text as one slice, then as many, and sees all of it come back.
    void exchange(std::size_t size) {
        prepare = echo;
        auto client = connect_and_accept();
        const std::string text = numbered(size);
        client->transport().write(Bytes::copy(text));
        wait([&] { return client->received.size() == text.size(); });
        for (std::size_t at = 0; at < text.size(); at += 700)
            client->transport().write(Bytes::copy(std::string_view(text).substr(at, 700)));
        wait([&] { return client->received.size() == 2 * text.size(); });
        BOOST_TEST((client->received == text + text));
        client->transport().lose_connection();
        wait_lost(*client);
        BOOST_TEST(client->reason->check<ConnectionDone>());
    }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(interrupted_calls_are_made_again, Fixture) {
    faults.recv.errors = {EINTR, EINTR, EINTR, EAGAIN, EINTR};
    faults.send.errors = {EINTR, EINTR, EAGAIN, EINTR, EINTR};
    faults.accept.errors = {EINTR, EINTR};
    exchange(50'000);
    BOOST_TEST(faults.recv.errors.empty());
    BOOST_TEST(faults.send.errors.empty());
    BOOST_TEST(faults.accept.errors.empty());
}

BOOST_FIXTURE_TEST_CASE(short_writes_lose_and_repeat_nothing, Fixture) {
    for (const std::size_t most : {1U, 7U, 512U, 4096U}) {
        faults.send.most = most;
        exchange(most * 300);
    }
}

BOOST_FIXTURE_TEST_CASE(short_reads_lose_nothing, Fixture) {
    for (const std::size_t most : {1U, 13U}) {
        faults.recv.most = most;
        exchange(most * 300);
    }
}

BOOST_FIXTURE_TEST_CASE(no_buffers_to_send_with_is_waited_for, Fixture) {
    faults.send.errors = {ENOBUFS, ENOMEM, ENOBUFS};
    exchange(50'000);
    BOOST_TEST(faults.send.errors.empty());
}

BOOST_FIXTURE_TEST_CASE(no_buffers_for_long_does_not_spin, Fixture) {
    const auto client = connect_and_accept();
    faults.send.errors.assign(300, ENOBUFS);
    faults.send.calls = 0;
    client->transport().write("x");
    reactor.run_until(reactor.sleep(100ms));
    BOOST_TEST(faults.send.calls <= 12U);
    faults.send.errors.clear();
    wait([&] { return served.back()->received == "x"; });
}

BOOST_FIXTURE_TEST_CASE(a_failing_read_or_write_is_the_reason_of_the_loss, Fixture) {
    for (const bool reading : {true, false}) {
        auto client = connect_and_accept();
        (reading ? faults.recv : faults.send).errors = {EHOSTUNREACH};
        (reading ? served.back() : client)->transport().write("x");
        if (reading) served.back()->when_lost = [](Recorder&) {};
        wait([&] { return client->reason.has_value() || served.back()->reason.has_value(); });
        const Recorder& failed = client->reason ? *client : *served.back();
        BOOST_TEST(failed.story() == "made lost: broken");
        BOOST_TEST(says(*failed.reason->exception(), "no route to host"));
        wait([&] { return client->reason.has_value() && served.back()->reason.has_value(); });
    }
}

BOOST_FIXTURE_TEST_CASE(clients_that_went_or_are_not_allowed_are_skipped, Fixture) {
    faults.accept.errors = {ECONNABORTED, EPERM, EPROTO, ENETDOWN, ECONNABORTED};
    connect_and_accept();
    BOOST_TEST(faults.accept.errors.empty());
}

BOOST_FIXTURE_TEST_CASE(a_port_with_no_memory_rests_and_accepts_later, Fixture) {
    for (const int error : {ENOBUFS, ENOMEM}) {
        faults.accept.errors.assign(3, error);
        faults.accept.calls = 0;
        const TimePoint begun = reactor.now();
        connect_and_accept();
        BOOST_TEST((reactor.now() - begun >= 300ms));
        BOOST_TEST(faults.accept.calls <= 6U);
    }
}

BOOST_FIXTURE_TEST_CASE(a_port_that_rests_can_be_stopped_and_started, Fixture) {
    faults.accept.errors = {ENOBUFS};
    RawPeer peer(port->address());
    wait([&] { return faults.accept.errors.empty(); });
    port->stop_listening();
    port->start_listening();
    connect_and_accept();
}

BOOST_FIXTURE_TEST_CASE(a_full_table_of_files_sends_clients_away_or_rests_and_does_not_spin, Fixture) {
    faults.accept.errors.assign(4, ENFILE);  // the first, then the one that should send the client away
    faults.accept.calls = 0;
    connect_and_accept();
    BOOST_TEST(faults.accept.errors.empty());
    BOOST_TEST(faults.accept.calls <= 12U);
}

BOOST_FIXTURE_TEST_CASE(pipes_are_written_whole_through_short_and_interrupted_writes, Fixture) {
    int both[2];
    BOOST_REQUIRE(::pipe2(both, O_CLOEXEC | O_NONBLOCK) == 0);
    auto writer = std::make_shared<Recorder>();
    auto reader = std::make_shared<Recorder>();
    reactor.run_until(adopt_pipes(reactor, UniqueFd(), UniqueFd(both[1]), writer));
    reactor.run_until(adopt_stream(reactor, UniqueFd(both[0]), reader));
    faults.writev.errors = {EINTR, EAGAIN, EINTR};
    faults.writev.most = 100;
    const std::string text = numbered(20'000);
    for (std::size_t at = 0; at < text.size(); at += 700)
        writer->transport().write(Bytes::copy(std::string_view(text).substr(at, 700)));
    writer->transport().lose_connection();
    run_until(reactor, [&] { return reader->reason.has_value(); });
    BOOST_TEST((reader->received == text));
    BOOST_TEST(faults.writev.errors.empty());
}

// --- the other ways of reading

namespace {

/// Writes down where in the bytes each descriptor came, and what its file holds.
struct Collector final : UnixProtocol {
    std::string received;
    std::vector<std::pair<std::size_t, std::string>> descriptors;
    std::optional<Failure> reason;
    bool echoes = false;

    void data_received(const Bytes& data) override {
        received += data.view();
        if (echoes) transport().write(data);
    }
    void descriptor_received(UniqueFd descriptor) override {
        char text[64];
        const ssize_t size = ::pread(descriptor.get(), text, sizeof text, 0);
        descriptors.emplace_back(received.size(), std::string(text, size > 0 ? static_cast<std::size_t>(size) : 0));
        if (echoes) unix_transport().send_descriptor(std::move(descriptor));
    }
    void read_connection_lost() override { transport().lose_connection(); }
    void connection_lost(const Failure& why) override { reason = why; }
};

/// A UNIX connection whose other end sends back all it gets.
struct UnixEcho : FaultsGuard, UnixFixture {
    std::shared_ptr<Collector> client = std::make_shared<Collector>();
    std::shared_ptr<Collector> server = std::make_shared<Collector>();
    std::unique_ptr<ListeningPort> echo =
        listen_unix(reactor, directory.path() / "echo", make_factory([this](const Address&) { return server; }));
    std::string sent;
    std::vector<std::pair<std::size_t, std::string>> given;

    UnixEcho() {
        server->echoes = true;
        reactor.run_until(connect_unix(reactor, directory.path() / "echo", client));
    }

    /// Bytes, and a descriptor now and then; all of it has to come, and come back, once and in its place.
    void exchange(std::size_t size) {
        for (std::size_t at = 0; at < size; at += size / 10) {
            const std::string text = numbered(size).substr(at, size / 10);
            client->transport().write(text);
            sent += text;
            const std::string name = std::to_string(sent.size());
            given.emplace_back(sent.size(), name);
            client->unix_transport().send_descriptor(file(name));
        }
        client->transport().write("!");
        sent += '!';
        wait([&] { return client->received.size() == sent.size(); });
        BOOST_TEST((server->received == sent));
        BOOST_TEST((client->received == sent));
        for (const auto& end : {server, client}) {
            BOOST_REQUIRE(end->descriptors.size() == given.size());
            for (std::size_t i = 0; i < given.size(); ++i) {
                BOOST_TEST(end->descriptors[i].second == given[i].second);
                BOOST_TEST(end->descriptors[i].first <= given[i].first);  // never after its byte
            }
        }
    }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(unix_connections_are_read_and_written_again_after_an_interruption, UnixEcho) {
    faults.recv.errors = {EINTR, EAGAIN, EINTR, EINTR, EAGAIN};
    faults.send.errors = {EINTR, EAGAIN, EINTR, EINTR, EAGAIN};
    exchange(50'000);
    BOOST_TEST(faults.recv.errors.empty());
    BOOST_TEST(faults.send.errors.empty());
}

BOOST_FIXTURE_TEST_CASE(short_messages_with_descriptors_lose_and_repeat_nothing, UnixEcho) {
    for (const std::size_t most : {1U, 7U, 512U}) {
        faults.send.most = most;
        exchange(most * 300);
    }
}

BOOST_FIXTURE_TEST_CASE(short_reads_lose_no_descriptor, UnixEcho) {
    for (const std::size_t most : {1U, 13U}) {
        faults.recv.most = most;
        exchange(most * 300);
    }
    faults.send.most = 3;
    exchange(3'000);
}

BOOST_FIXTURE_TEST_CASE(no_buffers_for_a_descriptor_is_waited_for, UnixEcho) {
    for (const int error : {ENOBUFS, ENOMEM, ETOOMANYREFS}) {
        faults.send.errors = {error, error};
        exchange(1'000);
        BOOST_TEST(faults.send.errors.empty());
    }
}

BOOST_FIXTURE_TEST_CASE(a_failing_read_of_a_unix_connection_is_the_reason_of_its_loss, UnixEcho) {
    faults.recv.errors = {ECONNRESET};
    client->transport().write("x");
    wait([&] { return server->reason.has_value(); });
    BOOST_TEST(server->reason->check<ConnectionLost>());
    BOOST_TEST(says(*server->reason->exception(), "connection reset by peer"));
    wait([&] { return client->reason.has_value(); });
}

namespace {

/// What is written to one end arrives at the other, however it is read.
void check_reading(Reactor& reactor, UniqueFd written, UniqueFd read) {
    auto writer = std::make_shared<Recorder>();
    auto reader = std::make_shared<Recorder>();
    reactor.run_until(adopt_stream(reactor, std::move(written), writer));
    reactor.run_until(adopt_stream(reactor, std::move(read), reader));
    const std::string text = numbered(3'000);
    for (const std::size_t most : {0U, 1U, 13U}) {
        reader->received.clear();
        faults.read.errors = {EINTR, EAGAIN, EINTR, EINTR, EAGAIN};
        faults.read.most = most;
        writer->transport().write(text);
        run_until(reactor, [&] { return reader->received.size() == text.size(); });
        BOOST_TEST((reader->received == text));
        BOOST_TEST(faults.read.errors.empty());
    }
    faults.read.errors = {EISDIR};
    writer->transport().write("x");
    run_until(reactor, [&] { return reader->reason.has_value(); });
    BOOST_TEST(reader->reason->check<ConnectionLost>());
    BOOST_TEST(says(*reader->reason->exception(), "is a directory"));
    writer->transport().abort_connection();
    run_until(reactor, [&] { return writer->reason.has_value(); });
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(pipes_are_read_whole_through_short_and_interrupted_reads, Fixture) {
    int both[2];
    BOOST_REQUIRE(::pipe2(both, O_CLOEXEC | O_NONBLOCK) == 0);
    check_reading(reactor, UniqueFd(both[1]), UniqueFd(both[0]));
}

BOOST_FIXTURE_TEST_CASE(terminals_are_read_whole_through_short_and_interrupted_reads, Fixture) {
    UniqueFd side(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    BOOST_REQUIRE((side && ::grantpt(side.get()) == 0 && ::unlockpt(side.get()) == 0));
    UniqueFd program(::open(::ptsname(side.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
    BOOST_REQUIRE(program);
    termios plain{};
    ::tcgetattr(program.get(), &plain);
    ::cfmakeraw(&plain);  // no echo, no lines
    ::tcsetattr(program.get(), TCSANOW, &plain);
    check_reading(reactor, std::move(side), std::move(program));
}
