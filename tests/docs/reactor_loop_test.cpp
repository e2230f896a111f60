// The code of docs/reactor.md: the loop, threads, signals.
#define BOOST_TEST_MODULE docs_reactor_loop
#include <boost/test/unit_test.hpp>
#include <string>
#include <thread>

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

}  // namespace

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
