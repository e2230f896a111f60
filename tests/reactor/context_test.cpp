// Contexts and a reactor: timers, calls, threads, and the loop's own.
#define BOOST_TEST_MODULE reactor_context
#include "plait/deferred/context.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "plait/reactor/reactor.hpp"

using namespace plait;
using namespace std::chrono_literals;

namespace {

const ContextKey<std::string> request{"request"};
const ContextKey<std::shared_ptr<int>> resource{"resource"};

std::string now() {
    return Context::current().fields();
}

}  // namespace

BOOST_AUTO_TEST_CASE(timers_and_calls_run_in_the_context_of_whoever_asked_for_them) {
    Reactor reactor;
    std::vector<std::string> seen;
    auto note = [&seen] { seen.push_back(now()); };
    {
        const ContextScope scope(request, "a");
        reactor.call_soon(note);
        reactor.call_later(1ms, note).detach();
    }
    reactor.call_soon(note);
    reactor.call_later(2ms, note).detach();
    reactor.call_later(3ms, [&] { reactor.stop(); }).detach();
    {
        const ContextScope running(request, "running");
        reactor.run();
        BOOST_TEST(now() == "request=running");
    }
    const std::vector<std::string> expected{"request=a", "", "request=a", ""};
    BOOST_TEST(seen == expected, boost::test_tools::per_element());
    BOOST_TEST(now() == "");
}

BOOST_AUTO_TEST_CASE(a_context_crosses_threads_with_the_call_and_is_let_go_of_after_it) {
    Reactor reactor;
    auto counted = std::make_shared<int>(0);
    int right = 0;
    int left = 4000;
    std::vector<std::thread> posters;
    for (int thread = 0; thread < 4; ++thread) {
        posters.emplace_back([&, thread] {
            const ContextScope name(request, std::to_string(thread));
            const ContextScope held(resource, counted);
            for (int i = 0; i < 1000; ++i) {
                reactor.call_from_thread([&, thread] {
                    right += now() == "request=" + std::to_string(thread) ? 1 : 0;
                    if (--left == 0) reactor.stop();
                });
            }
        });
    }
    reactor.run();
    for (std::thread& poster : posters)
        poster.join();
    BOOST_TEST(right == 4000);
    BOOST_TEST(counted.use_count() == 1);
    BOOST_TEST(Context::current().empty());
}

BOOST_AUTO_TEST_CASE(a_coroutine_keeps_its_context_over_a_sleep) {
    Reactor reactor;
    std::string seen = "unset";
    auto body = [](Reactor& loop, std::string& where) -> Deferred<> {
        const ContextScope scope(request, "sleeper");
        co_await loop.sleep(1ms);
        where = now();
    };
    reactor.run_until(body(reactor, seen));
    BOOST_TEST(seen == "request=sleeper");
    BOOST_TEST(now() == "");
}
