// Ports whose descriptor something else in the program closes, replaces or shuts down: they end, say so, and touch
// nobody else's.
#define BOOST_TEST_MODULE ports_gone
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <vector>

#include "plait/reactor/loops/poll_loop.hpp"
#include "plait/reactor/metrics.hpp"
#include "plait/reactor/unix_datagram.hpp"
#include "plait/tests/reactor/reports.hpp"
#include "plait/tests/reactor/stream_worlds.hpp"
#include "plait/tests/reactor/udp_fixture.hpp"
#include "plait/tests/reactor/unix_fixture.hpp"

using namespace plait;
using namespace plait::testing;

namespace {

std::vector<int> sockets() {
    std::vector<int> all;
    for (int fd = 3; fd < 256; ++fd) {
        struct stat about{};
        if (::fstat(fd, &about) == 0 && S_ISSOCK(about.st_mode)) all.push_back(fd);
    }
    return all;
}

/// The one that `open` made.
int socket_of(const std::function<void()>& open) {
    const std::vector<int> before = sockets();
    open();
    for (const int fd : sockets())
        if (std::find(before.begin(), before.end(), fd) == before.end()) return fd;
    throw std::runtime_error("no socket was made");
}

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

/// Puts another file under the number, which is then not the port's to close.
void replace(int fd) {
    const UniqueFd other(::open("/dev/zero", O_RDWR | O_CLOEXEC));
    BOOST_REQUIRE(::dup3(other.get(), fd, O_CLOEXEC) == fd);
}

enum class How { closed, replaced, shut_down };

void take_away(int fd, How how) {
    if (how == How::closed) ::close(fd);
    if (how == How::replaced) replace(fd);
    if (how == How::shut_down) ::shutdown(fd, SHUT_RD);
}

void check_and_clean_up(int fd, How how) {
    BOOST_TEST(is_open(fd) == (how == How::replaced));
    if (how == How::replaced) ::close(fd);
}

void check_quiet(Reactor& reactor) {
    const std::uint64_t before = reactor.metrics().turns;
    settle(reactor);
    BOOST_TEST(reactor.metrics().turns - before < 20U);
}

/// On the loop that finds out by itself: epoll forgets a descriptor that is closed.
struct Polled {
    PollLoop loop;
    Reactor reactor{loop};
    Reports reports;
    support::TemporaryDirectory directory{"gone"};
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_listening_port_ends_and_closes_what_is_its_own_alone, Polled) {
    for (const bool over_unix : {false, true}) {
        for (const How how : {How::closed, How::replaced, How::shut_down}) {
            const auto factory = make_factory([](const Address&) { return std::make_shared<Recorder>(); });
            std::unique_ptr<ListeningPort> port;
            const std::string path = directory.path() / "port";
            const int fd = socket_of([&] {
                port = over_unix ? listen_unix(reactor, path, factory) : listen_tcp(reactor, {"127.0.0.1", 0}, factory);
            });
            settle(reactor);
            take_away(fd, how);
            run_until(reactor, [&] { return reports.count() == 1; });
            BOOST_TEST(says(std::runtime_error(reports.last()), "no longer listening on " + port->address().str()));
            reports.expect(1);
            check_and_clean_up(fd, how);
            check_quiet(reactor);
            BOOST_TEST(!std::filesystem::exists(path));
            port->start_listening();
            auto client = std::make_shared<Recorder>();
            reactor.run_until(over_unix ? connect_unix(reactor, path, client)
                                        : connect_tcp(reactor, {"127.0.0.1", port->address().port}, client));
        }
    }
}

BOOST_FIXTURE_TEST_CASE(a_datagram_port_ends_and_closes_what_is_its_own_alone, Polled) {
    for (const bool over_unix : {false, true}) {
        for (const How how : {How::closed, How::replaced, How::shut_down}) {
            const auto protocol = std::make_shared<DatagramRecorder>();
            std::unique_ptr<DatagramPort> port;
            const std::string path = directory.path() / "port";
            const int fd = socket_of([&] {
                if (over_unix)
                    port = listen_unix_datagram(reactor, path, protocol);
                else
                    port = listen_udp(reactor, {"127.0.0.1", 0}, protocol);
            });
            const Address where = port->host();
            settle(reactor);
            take_away(fd, how);
            run_until(reactor, [&] { return reports.count() == 1; });
            const std::string kind = over_unix ? "the UNIX datagram port " : "the UDP port ";
            BOOST_TEST(says(std::runtime_error(reports.last()), kind + where.str() + " is closed: its socket was"));
            reports.expect(1);
            BOOST_TEST(protocol->story() == "start stop");
            BOOST_TEST(!port->write("x", where));
            BOOST_TEST((port->host() == where));
            BOOST_TEST(!std::filesystem::exists(path));
            check_and_clean_up(fd, how);
            check_quiet(reactor);
            reactor.run_until(port->close());
        }
    }
}

// --- told by the next datagram, on any loop

namespace {

struct Ended : UdpFixture {
    Reports reports;
    std::unique_ptr<UdpPort> port;
    int fd = socket_of([this] { port = open(a); });

    Ended() { settle(reactor); }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(sending_finds_out_that_the_descriptor_is_gone, Ended) {
    replace(fd);
    port->write("one", {"127.0.0.1", 9});
    port->write("two", {"127.0.0.1", 9});
    wait_for(*a, "stop");
    BOOST_TEST(a->story() == "start stop");
    BOOST_TEST(port->counters().dropped == 2U);
    BOOST_TEST(port->counters().refused == 0U);
    reports.expect(1);
    check_and_clean_up(fd, How::replaced);
}

BOOST_FIXTURE_TEST_CASE(stopping_a_port_whose_descriptor_is_gone_leaves_anothers_alone, Ended) {
    replace(fd);
    port->write("one", {"127.0.0.1", 9});
    port->stop_listening();
    check_and_clean_up(fd, How::replaced);
    wait_for(*a, "stop");
    BOOST_TEST(port->counters().dropped == 1U);
}

BOOST_FIXTURE_TEST_CASE(who_waits_for_the_port_is_told_instead_of_the_report, Ended) {
    port->write(std::string(40'000, 'x'), {"127.0.0.1", 9});
    Deferred<> room = port->drained();
    ::close(fd);
    Deferred<> closed = port->close();
    wait_for(*a, "stop");
    const std::string name = "the UDP port " + port->host().str() + " is closed";
    const auto names_it = [&](const DescriptorWentAway& error) { return says(error, name); };
    BOOST_CHECK_EXCEPTION(std::move(room).take().value(), DescriptorWentAway, names_it);
    BOOST_CHECK_EXCEPTION(std::move(closed).take().value(), DescriptorWentAway, names_it);
    BOOST_TEST(reports.count() == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_port_may_be_destroyed_when_its_descriptor_is_gone, Ended) {
    a->when_stopped = [this](DatagramRecorder&) { port.reset(); };
    ::close(fd);
    port->write("x", {"127.0.0.1", 9});
    wait([&] { return port == nullptr; });
    settle(reactor);
    reports.expect(1);
}

BOOST_FIXTURE_TEST_CASE(a_port_shut_down_by_who_shares_it_ends_on_any_loop, Ended) {
    const UniqueFd shared(::dup(fd));
    ::shutdown(shared.get(), SHUT_RD);
    wait_for(*a, "stop");
    reports.expect(1);
    check_and_clean_up(fd, How::shut_down);
    check_quiet(reactor);
}

BOOST_FIXTURE_TEST_CASE(a_port_that_others_empty_is_no_port_that_is_gone, Ended) {
    const UniqueFd shared(::dup(fd));
    const auto client = open(b);
    for (int i = 0; i < 100; ++i) {
        client->write(std::to_string(i), port->host());
        reactor.call_soon([&] {
            char room[8];
            static_cast<void>(::recv(shared.get(), room, sizeof room, MSG_DONTWAIT));
        });
        reactor.run_until(reactor.sleep(Duration::zero()));
    }
    client->write("mine", port->host());
    wait_for(*a, "mine");
}
