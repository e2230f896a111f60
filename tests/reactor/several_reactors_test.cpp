// Several reactors at once, one a thread, that share nothing. tools/test --tsan runs it under the thread sanitizer.
#define BOOST_TEST_MODULE reactor_several_reactors
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "plait/deferred/gather.hpp"
#include "plait/reactor/tcp.hpp"
#include "plait/reactor/threads.hpp"
#include "plait/tests/reactor/recorder.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

constexpr int threads = 4;

template <typename F>
void in_threads(F body) {
    std::vector<std::thread> all;
    for (int number = 0; number < threads; ++number)
        all.emplace_back([&body, number] { body(number); });
    for (auto& thread : all)
        thread.join();
}

/// A run with a bit of everything, from startup to shutdown.
int live_once(Reactor& reactor) {
    int done = 0;
    auto server = std::make_shared<Recorder>();
    server->when_data = [](Recorder& self, const Bytes& data) { self.transport().write(data); };
    auto client = std::make_shared<Recorder>();
    client->when_made = [](Recorder& self) { self.transport().write("ping"); };
    client->when_data = [&](Recorder& self, const Bytes&) {
        if (self.received == "ping") ++done;
    };
    const auto port = listen_tcp(reactor, {"127.0.0.1", 0}, make_factory([&](const Address&) { return server; }));
    auto connecting = connect_tcp(reactor, {"127.0.0.1", port->address().port}, client);
    auto worked = defer_to_thread(reactor, [] { return 1; }).add_callback([&](int one) { done += one; });
    std::vector<DelayedCall> timers;
    for (int i = 0; i < 20; ++i)
        timers.push_back(reactor.call_later(std::chrono::microseconds(i * 100), [&] { ++done; }));
    const auto end = reactor.add_system_event_trigger(EventPhase::after, "shutdown", [&] { ++done; });
    struct Watch {
        Reactor& reactor;
        int& done;
        void operator()() const {
            if (done == 22) return reactor.stop();
            reactor.call_later(1ms, *this).detach();
        }
    };
    reactor.call_when_running(Watch{reactor, done});
    reactor.run();
    return done;
}

}  // namespace

BOOST_AUTO_TEST_CASE(reactors_in_several_threads_run_and_run_again) {
    std::atomic<int> right{0};
    in_threads([&](int) {
        Reactor reactor;
        for (int round = 0; round < 5; ++round)
            if (live_once(reactor) == 23) ++right;
    });
    BOOST_TEST(right == threads * 5);
}

BOOST_AUTO_TEST_CASE(reactors_come_and_go_in_several_threads) {
    std::atomic<int> right{0};
    in_threads([&](int) {
        for (int round = 0; round < 10; ++round) {
            Reactor reactor;
            const auto signal = reactor.on_signal(SIGUSR1, [](int) {});
            if (live_once(reactor) == 23) ++right;
        }
    });
    BOOST_TEST(right == threads * 10);
}

BOOST_AUTO_TEST_CASE(reactors_ask_each_other_in_a_ring) {
    std::vector<std::unique_ptr<Reactor>> reactors(threads);
    for (auto& reactor : reactors)
        reactor = std::make_unique<Reactor>();
    std::atomic<int> hops{0};
    struct Hop {
        std::vector<std::unique_ptr<Reactor>>& ring;
        std::atomic<int>& hops;
        std::size_t at;
        void operator()() const {
            if (++hops == 2000) {
                for (const auto& reactor : ring)
                    reactor->call_from_thread([&stopped = *reactor] { stopped.crash(); });
                return;
            }
            const std::size_t next = (at + 1) % ring.size();
            ring[next]->call_from_thread(Hop{ring, hops, next});
        }
    };
    reactors[0]->call_from_thread(Hop{reactors, hops, 0});
    in_threads([&](int number) { reactors[static_cast<std::size_t>(number)]->run(); });
    BOOST_TEST(hops == 2000);
}
