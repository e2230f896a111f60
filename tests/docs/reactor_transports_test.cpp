// The code of docs/reactor.md: transports, UNIX sockets and descriptors.
#define BOOST_TEST_MODULE docs_reactor_transports
#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <string>

#include "plait/reactor/descriptor_watch.hpp"
#include "plait/reactor/descriptors.hpp"
#include "plait/reactor/tcp.hpp"
#include "plait/reactor/unix.hpp"
#include "plait/tests/support/temporary_directory.hpp"

using namespace plait;
using namespace std::chrono_literals;

namespace {

// snippet: echo
class Echo final : public Protocol {
public:
    void connection_made() override {
        transport().set_idle_timeout(1min);  // no byte in either direction
        transport().set_write_timeout(20s);  // bytes queued, and the peer takes none
        transport().set_keep_alive(KeepAlive{.idle = 30s, .interval = 5s, .probes = 3});
    }
    void data_received(const Bytes& data) override { transport().write(data); }
};
// end of snippet

struct Asker final : Protocol {
    std::string answer;
    Promise<> lost;

    explicit Asker(Promise<> promise) : lost(std::move(promise)) {}
    void data_received(const Bytes& data) override {
        answer += data.view();
        transport().lose_connection();
    }
    void connection_lost(const Failure&) override { lost.callback(); }
};

// snippet: reasons
class Careful : public Protocol {
    void data_received(const Bytes&) override {}
    void connection_lost(const Failure& reason) override {
        if (reason.check<ConnectionDone>()) return;                  // in good order, by them or by us
        if (reason.check<ConnectionAborted>()) return;               // we threw it away
        if (reason.check<ConnectionTimedOut>()) return slow_peer();  // one of the time-outs above
        if (reason.check<ConnectionLost>()) return try_again();      // reset, or a failed read or write
        report_unhandled_failure(reason);                            // what one of our callbacks threw
    }
    void slow_peer();
    void try_again();
};
// end of snippet

void Careful::slow_peer() {}
void Careful::try_again() {}

// snippet: descriptor
class Giver final : public UnixProtocol {
    void connection_made() override {
        UniqueFd log(::open("/dev/null", O_WRONLY | O_CLOEXEC));
        unix_transport().send_descriptor(std::move(log));
        transport().write("take this");  // it arrives before the first byte of this
    }
    void data_received(const Bytes&) override {}
    void descriptor_received(UniqueFd) override {}
};
// end of snippet

struct Taker final : UnixProtocol {
    UniqueFd log;
    Promise<> done;

    explicit Taker(Promise<> promise) : done(std::move(promise)) {}
    void descriptor_received(UniqueFd descriptor) override { log = std::move(descriptor); }
    void data_received(const Bytes&) override { transport().lose_connection(); }
    void connection_lost(const Failure&) override { done.callback(); }
};

// snippet: half_close
class Counter final : public Protocol {
    void data_received(const Bytes& data) override { count_ += data.size(); }
    // The default would close the connection. What the peer asks with its end is answered here, and then closed.
    void read_connection_lost() override {
        transport().write(std::to_string(count_));
        transport().lose_connection();
    }

    std::size_t count_ = 0;
};
// end of snippet

}  // namespace

BOOST_AUTO_TEST_CASE(an_echo_with_time_limits) {
    Reactor reactor;
    // snippet: listen
    const auto port =
        listen_tcp(reactor, {"127.0.0.1", 0}, make_factory([](const Address&) { return std::make_shared<Echo>(); }));
    // end of snippet
    auto [lost, promise] = make_deferred<>();
    auto asker = std::make_shared<Asker>(std::move(promise));
    reactor.run_until(connect_tcp(reactor, {"127.0.0.1", port->address().port}, asker));
    asker->transport().write("hello");
    reactor.run_until(std::move(lost));
    BOOST_TEST(asker->answer == "hello");
}

BOOST_AUTO_TEST_CASE(an_end_that_is_a_question) {
    Reactor reactor;
    support::TemporaryDirectory directory("docs");
    const std::string path = directory.path() / "port";
    // snippet: listen_unix
    const auto port = listen_unix(
        reactor, path, make_factory([](const Address&) { return std::make_shared<Counter>(); }), {.mode = 0600});
    // end of snippet
    auto [lost, promise] = make_deferred<>();
    auto asker = std::make_shared<Asker>(std::move(promise));
    reactor.run_until(connect_unix(reactor, path, asker));
    asker->transport().write("four");
    asker->transport().lose_write_connection();
    reactor.run_until(std::move(lost));
    BOOST_TEST(asker->answer == "4");
}

BOOST_AUTO_TEST_CASE(a_descriptor_is_handed_over) {
    Reactor reactor;
    support::TemporaryDirectory directory("docs");
    const std::string path = directory.path() / "port";
    const auto port =
        listen_unix(reactor, path, make_factory([](const Address&) { return std::make_shared<Giver>(); }));
    auto [done, promise] = make_deferred<>();
    auto taker = std::make_shared<Taker>(std::move(promise));
    reactor.run_until(connect_unix(reactor, path, taker));
    reactor.run_until(std::move(done));
    BOOST_TEST(::write(taker->log.get(), "x", 1) == 1);
}

BOOST_AUTO_TEST_CASE(pipes_are_a_stream) {
    Reactor reactor;
    int both[2];
    BOOST_REQUIRE(::pipe2(both, O_CLOEXEC) == 0);
    UniqueFd reading_end(both[0]);
    const UniqueFd writing_end(both[1]);
    auto [lost, promise] = make_deferred<>();
    auto protocol = std::make_shared<Asker>(std::move(promise));
    // snippet: adopt
    auto adopting = adopt_pipes(reactor, std::move(reading_end), UniqueFd(), protocol);
    // end of snippet
    reactor.run_until(std::move(adopting));
    BOOST_REQUIRE(::write(writing_end.get(), "x", 1) == 1);
    reactor.run_until(std::move(lost));
    BOOST_TEST(protocol->answer == "x");
}

BOOST_AUTO_TEST_CASE(a_descriptor_is_watched) {
    Reactor reactor;
    const support::TemporaryDirectory directory;
    const UniqueFd changes(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    BOOST_REQUIRE(::inotify_add_watch(changes.get(), directory.path().c_str(), IN_CREATE) >= 0);
    int read = 0;
    const auto read_changes = [&] {
        char room[4096];
        while (::read(changes.get(), room, sizeof room) > 0)
            ++read;
    };
    // snippet: watch
    const DescriptorWatch watch(reactor, changes.get(), IOFlags::read, [&](IOFlags) { read_changes(); });
    // end of snippet
    const UniqueFd made(::open((directory.path() / "new").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    for (int turns = 0; turns < 100 && read == 0; ++turns)
        reactor.run_until(reactor.sleep(1ms));
    BOOST_TEST(read > 0);
}
