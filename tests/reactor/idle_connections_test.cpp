// Ten thousand connections that wait: that they can, what one costs, and that a burst's memory is given back.
#define BOOST_TEST_MODULE idle_connections
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <string_view>

#include "plait/tests/reactor/descriptor_limit.hpp"
#include "plait/tests/reactor/stream_worlds.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_is_counted = false;  // the sanitizers' allocator says nothing
#else
constexpr bool memory_is_counted = true;
#endif

std::size_t allocated() {
    return ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
}

struct Quiet final : Protocol {
    std::string received;

    void data_received(const Bytes& data) override { received = data.str(); }
    void read_connection_lost() override { transport().lose_connection(); }
};

/// A process with the other ends. It connects so many of them each time it is told the port, sends "x" on all of them
/// when told to, and ends when this is destroyed.
class Clients {
public:
    explicit Clients(std::size_t count) {
        int both[2];
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both) == 0);
        ours_.reset(both[0]);
        const UniqueFd theirs(both[1]);
        child_ = ::fork();
        if (child_ == 0) {
            ours_.reset();
            try {
                live(theirs.get(), count);
            } catch (...) {
                std::_Exit(1);
            }
            std::_Exit(0);
        }
    }
    ~Clients() {
        ours_.reset();
        int status = 0;
        ::waitpid(child_, &status, 0);
        BOOST_TEST(status == 0);
    }

    void connect_to(std::uint16_t port) { tell(port); }
    void send_on_all() { tell(0); }

private:
    void tell(std::uint16_t number) { BOOST_REQUIRE(::write(ours_.get(), &number, sizeof number) == sizeof number); }

    static void live(int orders, std::size_t count) {
        std::vector<std::unique_ptr<RawPeer>> peers;
        std::uint16_t number = 0;
        while (::read(orders, &number, sizeof number) == sizeof number) {
            if (number != 0)
                for (std::size_t i = 0; i < count; ++i)
                    peers.push_back(std::make_unique<RawPeer>(Address{"127.0.0.1", number}));
            else
                for (const auto& peer : peers)
                    peer->send("x");
        }
    }

    UniqueFd ours_;
    pid_t child_ = -1;
};

/// Asio keeps a state and two operations for each descriptor; the other loops next to nothing.
std::size_t loops_own() {
    const char* loop = std::getenv("PLAIT_TEST_LOOP");
    return loop != nullptr && std::string_view(loop) == "asio" ? 512 : 0;
}

}  // namespace

BOOST_AUTO_TEST_CASE(ten_thousand_connections_wait_in_less_than_a_kibibyte_each,
                     *boost::unit_test::precondition(MayOpen(10'100))) {
    constexpr std::size_t count = 10'000;
    constexpr std::size_t at_once = 500;  // fewer than may wait to be accepted: one that is refused tries again late
    static_assert(count % at_once == 0);
    Clients clients(at_once);
    Reactor reactor;
    std::vector<std::shared_ptr<Quiet>> served;
    served.reserve(count);
    const auto port = listen_tcp(reactor, {"127.0.0.1", 0}, make_factory([&](const Address&) {
                                     served.push_back(std::make_shared<Quiet>());
                                     return served.back();
                                 }));
    const std::size_t before = allocated();
    while (served.size() < count) {
        clients.connect_to(port->address().port);
        run_until(reactor, [&, wanted = served.size() + at_once] { return served.size() == wanted; });
    }
    settle(reactor);
    const std::size_t each = (allocated() - before) / count;
    BOOST_TEST_MESSAGE("bytes each, with the protocol and the loop's own: " << each);
    if (memory_is_counted) BOOST_TEST(each < 1024U + loops_own());

    clients.send_on_all();
    run_until(reactor, [&] {
        return std::all_of(served.begin(), served.end(), [](const auto& one) { return one->received == "x"; });
    });
    const std::size_t after_traffic = (allocated() - before) / count;
    if (memory_is_counted) BOOST_TEST(after_traffic < 1024U + loops_own());

    rusage begun{};
    rusage ended{};
    ::getrusage(RUSAGE_SELF, &begun);
    reactor.run_until(reactor.sleep(200ms));
    ::getrusage(RUSAGE_SELF, &ended);
    const auto used = [](const rusage& r) { return r.ru_utime.tv_sec * 1'000'000 + r.ru_utime.tv_usec; };
    BOOST_TEST(used(ended) - used(begun) < 50'000);
    for (const auto& one : served)
        one->transport().abort_connection();
    run_until(reactor, [&] {
        return std::none_of(served.begin(), served.end(), [](const auto& one) { return one->connected(); });
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_a_burst_needed_is_given_back, World, SocketWorlds) {
    constexpr std::size_t pairs = 20;
    World world;
    std::vector<Ends> all(pairs);
    std::size_t bytes_left = 0;
    for (Ends& ends : all) {
        world.join(ends);
        ends.theirs->when_data = [&](Recorder& r, const Bytes& data) {
            std::string().swap(r.received);
            bytes_left -= data.size();
        };
    }
    const auto burst = [&](std::size_t size) {
        for (Ends& ends : all) {
            bytes_left += 3 * size;
            ends.ours->transport().write(Bytes::own(std::string(size, 'x')));
            for (std::size_t at = 0; at < size; at += 100)
                ends.ours->transport().write(std::string(100, 'y'));
            for (std::size_t at = 0; at < size; at += 1000)
                ends.ours->transport().write(Bytes::own(std::string(1000, 'z')));
        }
        world.wait([&] { return bytes_left == 0; });
        world.settle();
    };
    burst(1000);
    const std::size_t before = allocated();
    burst(1'000'000);
    if (memory_is_counted) BOOST_TEST(allocated() < before + pairs * 512);
}
