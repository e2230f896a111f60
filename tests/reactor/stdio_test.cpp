// Standard input and output, whatever they are. Run on other numbers than 0 and 1, which belong to the test program.
#define BOOST_TEST_MODULE stdio_stream
#include "plait/reactor/stdio.hpp"

#include <fcntl.h>
#include <pty.h>
#include <sys/resource.h>

#include <boost/test/unit_test.hpp>

#include "plait/deferred/testing/outcomes.hpp"
#include "plait/tests/reactor/unix_fixture.hpp"

using namespace plait;
using namespace plait::testing;

namespace {

struct Fixture {
    Reactor reactor;
    support::TemporaryDirectory directory{"stdio"};
    std::shared_ptr<Recorder> protocol = std::make_shared<Recorder>();

    void open(const UniqueFd& in, const UniqueFd& out) {
        reactor.run_until(open_stdio(reactor, protocol, {in.get(), out.get()}));
    }
    void wait(const std::function<bool()>& condition) { run_until(reactor, condition); }
    void wait_lost() {
        wait([&] { return protocol->reason.has_value(); });
    }
};

struct Pipes {
    UniqueFd in;
    UniqueFd writer;
    UniqueFd reader;
    UniqueFd out;

    Pipes() {
        int both[2];
        BOOST_REQUIRE(::pipe2(both, O_CLOEXEC) == 0);
        in.reset(both[0]);
        writer.reset(both[1]);
        BOOST_REQUIRE(::pipe2(both, O_CLOEXEC) == 0);
        reader.reset(both[0]);
        out.reset(both[1]);
        ::fcntl(reader.get(), F_SETFL, O_NONBLOCK);
    }
    std::string read() {
        char room[4096];
        const ssize_t got = ::read(reader.get(), room, sizeof room);
        if (got == 0) return "(end)";
        return got < 0 ? "(nothing)" : std::string(room, static_cast<std::size_t>(got));
    }
    void put(std::string_view text) { BOOST_REQUIRE(::write(writer.get(), text.data(), text.size()) > 0); }
};

/// A terminal for both directions, and the screen that it is seen on.
struct Terminal {
    UniqueFd screen;
    UniqueFd in;
    UniqueFd out;

    Terminal() {
        int master = -1;
        int slave = -1;
        BOOST_REQUIRE(::openpty(&master, &slave, nullptr, nullptr, nullptr) == 0);
        screen.reset(master);
        in.reset(slave);
        out.reset(::dup(slave));
    }
};

bool blocks(const UniqueFd& fd) {
    return (::fcntl(fd.get(), F_GETFL) & O_NONBLOCK) == 0;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(opening_that_is_begun_at_the_end_of_a_run_fails, Fixture) {
    const Pipes pipes;
    Deferred<std::shared_ptr<Protocol>> opening;
    const SystemEventTrigger last = reactor.add_system_event_trigger(EventPhase::during, "shutdown", [&] {
        opening = open_stdio(reactor, protocol, {pipes.in.get(), pipes.out.get()});
        BOOST_TEST(reactor.dump().find("  standard input and output, about to be opened\n") != std::string::npos);
    });
    reactor.call_when_running([this] { reactor.stop(); });
    reactor.run();
    static_cast<void>(failure_of<ConnectError>(opening, "the reactor was stopped or destroyed"));
    settle(reactor);
    BOOST_TEST(protocol->story() == "");
    BOOST_TEST(blocks(pipes.in));
}

BOOST_FIXTURE_TEST_CASE(pipes_are_really_closed_at_the_end_and_their_numbers_stay_taken, Fixture) {
    Pipes pipes;
    open(pipes.in, pipes.out);
    pipes.put("question");
    wait([&] { return protocol->received == "question"; });
    protocol->transport().write("answer");
    protocol->transport().lose_connection();
    wait_lost();
    BOOST_TEST(protocol->story() == "made data lost: done");
    BOOST_TEST(pipes.read() == "answer");
    BOOST_TEST(pipes.read() == "(end)");
    BOOST_TEST(::write(pipes.out.get(), "x", 1) == 1);  // to /dev/null
    BOOST_TEST(pipes.read() == "(end)");
}

BOOST_FIXTURE_TEST_CASE(the_end_of_the_input_is_told_and_output_goes_on, Fixture) {
    Pipes pipes;
    protocol->close_at_end = false;
    open(pipes.in, pipes.out);
    pipes.put("last line");
    pipes.writer.reset();
    wait([&] { return protocol->events.back() == "end"; });
    BOOST_TEST(protocol->received == "last line");
    protocol->transport().write("goodbye");
    settle(reactor);
    BOOST_TEST(pipes.read() == "goodbye");
    protocol->transport().lose_write_connection();
    wait_lost();
    BOOST_TEST(protocol->story() == "made data end lost: done");
    BOOST_TEST(pipes.read() == "(end)");
}

BOOST_FIXTURE_TEST_CASE(the_output_can_be_closed_while_the_input_goes_on, Fixture) {
    Pipes pipes;
    open(pipes.in, pipes.out);
    protocol->transport().write("all I have");
    protocol->transport().lose_write_connection();
    settle(reactor);
    BOOST_TEST(pipes.read() == "all I have");
    BOOST_TEST(pipes.read() == "(end)");
    pipes.put("still heard");
    wait([&] { return protocol->received == "still heard"; });
    pipes.writer.reset();
    wait_lost();
}

BOOST_FIXTURE_TEST_CASE(a_terminal_for_both_gets_its_flags_back_and_stays_open, Fixture) {
    const Terminal terminal;
    const auto& [screen, in, out] = terminal;
    BOOST_TEST(blocks(in));
    open(in, out);
    BOOST_TEST(!blocks(in));
    BOOST_REQUIRE(::write(screen.get(), "typed\n", 6) == 6);
    wait([&] { return protocol->received == "typed\n"; });
    protocol->transport().write("shown");
    protocol->transport().lose_write_connection();
    settle(reactor);
    BOOST_TEST(!blocks(in));
    protocol->transport().lose_connection();
    wait_lost();
    BOOST_TEST(blocks(in));
    BOOST_TEST(blocks(out));
    char room[64];
    const ssize_t got = ::read(screen.get(), room, sizeof room);
    BOOST_TEST(std::string(room, static_cast<std::size_t>(got)) == "typed\r\nshown");
    BOOST_TEST(::write(out.get(), "x", 1) == 1);
}

BOOST_FIXTURE_TEST_CASE(files_are_read_from_where_they_stand_and_written, Fixture) {
    const std::string text = numbered(700'000);
    support::write_file(directory.path() / "in", "skipped" + text);
    const UniqueFd in(::open((directory.path() / "in").c_str(), O_RDONLY | O_CLOEXEC));
    const UniqueFd out(::open((directory.path() / "out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ::lseek(in.get(), 7, SEEK_SET);
    protocol->when_data = [](Recorder& r, const Bytes& data) { r.transport().write(data); };
    open(in, out);
    wait_lost();
    BOOST_TEST(protocol->story() == "made data end lost: done");
    BOOST_TEST((support::read_file(directory.path() / "out") == text));
}

BOOST_FIXTURE_TEST_CASE(a_socket_for_both_is_shut_down, Fixture) {
    int both[2];
    BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both) == 0);
    const UniqueFd in(both[0]);
    const UniqueFd out(::dup(both[0]));
    const UniqueFd peer(both[1]);
    open(in, out);
    protocol->transport().write("bye");
    protocol->transport().lose_connection();
    wait_lost();
    char room[16];
    BOOST_TEST(::read(peer.get(), room, sizeof room) == 3);
    BOOST_TEST(::read(peer.get(), room, sizeof room) == 0);
    BOOST_TEST(blocks(in));
}

BOOST_FIXTURE_TEST_CASE(the_flags_are_put_back_however_it_ends, Fixture) {
    for (const int how : {0, 1, 2}) {
        Pipes pipes;
        const UniqueFd same(::dup(pipes.out.get()));
        protocol = std::make_shared<Recorder>();
        if (how == 0) protocol->when_made = [](Recorder&) { throw std::runtime_error("not my day"); };
        auto opening = open_stdio(reactor, protocol, {pipes.in.get(), pipes.out.get()});
        if (how == 2) {
            opening = {};
            settle(reactor);
            BOOST_TEST(protocol->story() == "");
        } else if (how == 1) {
            reactor.run_until(std::move(opening));
            BOOST_TEST(!blocks(same));
            protocol->transport().abort_connection();
            wait_lost();
        } else {
            BOOST_CHECK_THROW(reactor.run_until(std::move(opening)), std::runtime_error);
        }
        BOOST_TEST(blocks(same));
    }
}

BOOST_FIXTURE_TEST_CASE(a_reactor_that_stops_gives_a_terminal_back_for_the_next_run, Fixture) {
    const Terminal terminal;
    const auto& [screen, in, out] = terminal;
    for (int run = 0; run < 2; ++run) {
        protocol = std::make_shared<Recorder>();
        open(in, out);
        BOOST_REQUIRE(::write(screen.get(), "typed\n", 6) == 6);
        wait([&] { return protocol->received == "typed\n"; });
        reactor.call_soon([&] { reactor.stop(); });
        reactor.run();
        BOOST_TEST(protocol->story() == "made data lost: broken");
        BOOST_TEST(blocks(in));
        BOOST_TEST(blocks(out));
    }
}

BOOST_FIXTURE_TEST_CASE(without_descriptors_for_it_both_are_left_alone, Fixture) {
    const Pipes pipes;
    const int next = ::dup(0);
    ::close(next);
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    for (const rlim_t extra : {0U, 1U}) {
        auto opening = open_stdio(reactor, protocol, {pipes.in.get(), pipes.out.get()});
        rlimit few = before;
        few.rlim_cur = static_cast<rlim_t>(next) + extra;
        ::setrlimit(RLIMIT_NOFILE, &few);
        std::optional<Failure> failure;
        opening = std::move(opening).add_errback([&](const Failure& why) {
            failure = why;
            return std::shared_ptr<Protocol>();
        });
        reactor.run_until(std::move(opening));
        ::setrlimit(RLIMIT_NOFILE, &before);
        BOOST_REQUIRE(failure.has_value());
        BOOST_TEST(failure->message().find("cannot use standard input and output: too many open files") !=
                   std::string::npos);
        BOOST_TEST(blocks(pipes.in));
        BOOST_TEST(blocks(pipes.out));
        BOOST_TEST(protocol->story() == "");
    }
}

BOOST_FIXTURE_TEST_CASE(what_is_not_open_is_refused_at_once, Fixture) {
    BOOST_CHECK_EXCEPTION(reactor.run_until(open_stdio(reactor, protocol, {9998, 9999})), ConnectError,
                          [](const ConnectError& error) { return says(error, "descriptor 9998 is not open"); });
    BOOST_TEST(protocol->story() == "");
}
