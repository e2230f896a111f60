// The code of docs/reactor.md: the loop, threads, signals.
#define BOOST_TEST_MODULE docs_reactor_loop
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include "plait/reactor/tcp.hpp"
#include "plait/reactor/threads.hpp"

using namespace plait;
using namespace std::chrono_literals;

namespace {

std::string read_whole_file(const std::string& path) {
    return "the text of " + path;
}

// snippet: defer_to_thread
Deferred<std::size_t> size_of_file(Reactor& reactor, std::string path) {
    Deferred<std::string> reading = defer_to_thread(reactor, [path] { return read_whole_file(path); });
    const std::string text = co_await std::move(reading);
    co_return text.size();  // in the reactor's thread again
}
// end of snippet

std::shared_ptr<Factory> echo_factory() {
    struct Echo final : Protocol {
        void data_received(const Bytes& data) override { transport().write(data); }
    };
    return make_factory([](const Address&) { return std::make_shared<Echo>(); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_server_runs) {
    Reactor reactor;
    reactor.call_when_running([&] { reactor.stop(); });
    // snippet: run
    const auto port = listen_tcp(reactor, {"127.0.0.1", 0}, echo_factory());
    reactor.call_when_running([] { std::puts("at your service"); });
    reactor.run({.stop_on_signals = true});  // until SIGINT, SIGTERM or reactor.stop()
    // end of snippet
    BOOST_TEST(reactor.stop_signal() == 0);
}

BOOST_AUTO_TEST_CASE(shutdown_lets_requests_end) {
    Reactor reactor;
    std::string told;
    const auto requests_end = [&] { return reactor.sleep(1ms).add_callback([&] { told += "ended "; }); };
    const auto write_report = [&] { told += "reported"; };
    // snippet: triggers
    auto ending = reactor.add_system_event_trigger(EventPhase::before, "shutdown", [&] {
        return requests_end().add_timeout(reactor, 30s, "ending the last requests");
    });
    reactor.add_system_event_trigger(EventPhase::after, "shutdown", [&] { write_report(); }).detach();
    // end of snippet
    reactor.call_when_running([&] { reactor.stop(); });
    reactor.run();
    BOOST_TEST(told == "ended reported");
}

BOOST_AUTO_TEST_CASE(signals_are_calls) {
    Reactor reactor;
    int reloads = 0;
    const auto reload = [&] {
        ++reloads;
        reactor.stop();
    };
    // snippet: signals
    const SignalSubscription hang_up = reactor.on_signal(SIGHUP, [&](int) { reload(); });
    // end of snippet
    reactor.call_when_running([] { ::raise(SIGHUP); });
    reactor.run();
    BOOST_TEST(reloads == 1);
}

BOOST_AUTO_TEST_CASE(work_goes_to_a_thread_and_comes_home) {
    Reactor reactor;
    BOOST_TEST(reactor.run_until(size_of_file(reactor, "notes")) == 17u);
}

BOOST_AUTO_TEST_CASE(a_thread_asks_and_waits) {
    Reactor reactor;
    int answer = 0;
    std::thread thread;
    const auto ask = [&reactor] { return reactor.sleep(1ms).add_callback([] { return 42; }); };
    reactor.call_soon([&] {
        thread = std::thread([&] {
            // snippet: blocking_call
            answer = blocking_call_from_thread(reactor, [&] { return ask(); });  // ask() returns a Deferred<int>
            // end of snippet
            reactor.call_from_thread([&] { reactor.stop(); });
        });
    });
    reactor.run();
    thread.join();
    BOOST_TEST(answer == 42);
}
