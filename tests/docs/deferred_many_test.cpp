// The code of docs/deferred.md: several at once, in line, with time, and from other threads.
#define BOOST_TEST_MODULE docs_deferred_many
#include <boost/test/unit_test.hpp>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "plait/deferred/async_bridge.hpp"
#include "plait/deferred/deferred_list.hpp"
#include "plait/deferred/event.hpp"
#include "plait/deferred/future.hpp"
#include "plait/deferred/gather.hpp"
#include "plait/deferred/lock.hpp"
#include "plait/deferred/looping_call.hpp"
#include "plait/deferred/queue.hpp"
#include "plait/deferred/race.hpp"
#include "plait/deferred/retry.hpp"
#include "plait/deferred/scope.hpp"
#include "plait/deferred/semaphore.hpp"
#include "plait/deferred/testing/manual_clock.hpp"
#include "plait/deferred/testing/outcomes.hpp"
#include "plait/reactor/reactor.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

ManualClock clock_;
std::vector<std::string> log_lines;

/// "x" for "x", after a second; "bad" fails.
Deferred<std::string> fetch(std::string what) {
    co_await clock_.sleep(1s);
    if (what == "bad") throw Error("no " + what);
    co_return what;
}

void log_failure(const Failure& failure) {
    log_lines.push_back(failure.message());
}

struct Fixture {
    Fixture() { log_lines.clear(); }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(all_of_them, Fixture) {
    // snippet: gather
    auto both = gather(fetch("a"), fetch("b"));  // Deferred<std::tuple<std::string, std::string>>
    std::vector<Deferred<std::string>> many;
    for (const char* name : {"a", "b", "c"})
        many.push_back(fetch(name));
    auto all = gather(std::move(many));                 // Deferred<std::vector<std::string>>, in that order
    auto one_fails = gather(fetch("a"), fetch("bad"));  // fails at once, and cancels the other
    // end of snippet
    clock_.advance(1s);
    BOOST_TEST(std::get<1>(success_of(both)) == "b");
    BOOST_TEST(success_of(all).size() == 3u);
    BOOST_TEST(failure_of<Error>(one_fails).what() == "no bad");
}

BOOST_FIXTURE_TEST_CASE(each_outcome, Fixture) {
    std::string used;
    // snippet: list
    std::vector<Deferred<std::string>> many;
    for (const char* name : {"a", "bad", "c"})
        many.push_back(fetch(name));
    auto done = deferred_list(std::move(many)).add_callback([&](std::vector<Result<std::string>> outcomes) {
        for (auto& outcome : outcomes)
            used += outcome ? outcome.value() : "-";
    });
    // end of snippet
    clock_.advance(1s);
    success_of(done);
    BOOST_TEST(used == "a-c");
}

BOOST_FIXTURE_TEST_CASE(the_first, Fixture) {
    // snippet: race
    auto fastest = race(fetch("bad"), fetch("mirror")).add_callback([](Winner<std::string> winner) {
        return winner.value + " " + std::to_string(winner.index);  // the first success; the others are cancelled
    });
    // end of snippet
    clock_.advance(1s);
    BOOST_TEST(success_of(fastest) == "mirror 1");
}

namespace {
// snippet: scope
class Server {
public:
    void accept(std::string client) { clients_.spawn(serve(std::move(client))); }

    // Fires when the last one has been served; destroying the Server drops them all.
    Deferred<> stop() { return clients_.close(); }

private:
    Deferred<> serve(std::string client) {
        const std::string page = co_await fetch(client);
        log_lines.push_back("served " + page);
    }

    Scope clients_{log_failure};
};
// end of snippet
}  // namespace

BOOST_FIXTURE_TEST_CASE(work_without_an_end, Fixture) {
    Server server;
    server.accept("ann");
    server.accept("bad");
    auto stopped = server.stop();
    no_result(stopped);
    clock_.advance(1s);
    success_of(stopped);
    BOOST_TEST(log_lines.size() == 2u);
}

BOOST_FIXTURE_TEST_CASE(one_at_a_time, Fixture) {
    DeferredLock lock;
    DeferredSemaphore four_at_once(4);
    // snippet: lock
    auto rename = [&]() -> Deferred<> {
        const auto hold = co_await lock.acquire();  // waits for its turn; given back at the end of the scope
        co_await fetch("old name");
        co_await fetch("new name");
    };
    auto first = rename();
    auto second = rename();
    auto some_time = four_at_once.run([] { return fetch("page"); });  // never more than four
    // end of snippet
    clock_.pump({1s, 1s});
    success_of(first);
    no_result(second);
    BOOST_TEST(success_of(some_time) == "page");
    clock_.pump({1s, 1s});
    success_of(second);
}

BOOST_FIXTURE_TEST_CASE(a_queue_between, Fixture) {
    // snippet: queue
    DeferredQueue<std::string> jobs(100, 1);  // 100 stored at most, one waiting
    auto worker = [](DeferredQueue<std::string>& queue) -> Deferred<> {
        try {
            for (;;) {
                const std::string job = co_await queue.get();
                log_lines.push_back("did " + job);
            }
        } catch (const QueueClosed&) {
        }
    }(jobs);
    jobs.put("this");
    jobs.put("that");
    jobs.close();
    // end of snippet
    success_of(worker);
    BOOST_TEST(log_lines.size() == 2u);
}

BOOST_FIXTURE_TEST_CASE(trying_again, Fixture) {
    int attempts = 0;
    const auto register_us = [&]() -> Deferred<int> {
        if (++attempts < 3) return fail<int>(Error("not yet"));
        return succeed(attempts);
    };
    // snippet: retry
    RetryPolicy policy;
    policy.max_attempts = 8;
    policy.deadline = 1min;
    policy.what = "registering";
    auto registered = retry(clock_, [&] { return register_us(); }, policy);
    // end of snippet
    clock_.advance(1min);
    BOOST_TEST(success_of(registered) == 3);
}

BOOST_FIXTURE_TEST_CASE(again_and_again, Fixture) {
    int pings = 0;
    // snippet: looping
    LoopingCall pinging(clock_, [&] { ++pings; });
    auto until_stopped = pinging.start(10s);  // now, and every ten seconds
    // end of snippet
    clock_.pump({10s, 10s});
    BOOST_TEST(pings == 3);
    pinging.stop();
    success_of(until_stopped);
}

BOOST_AUTO_TEST_CASE(from_other_threads) {
    std::promise<Reactor*> started;
    std::thread loop([&] {
        Reactor reactor;
        started.set_value(&reactor);
        reactor.run();
    });
    Reactor& reactor = *started.get_future().get();
    int squared = 0;
    // snippet: threads
    // In any thread: ask the loop's thread for something, and wait for it.
    AsyncResult<int> answer;
    reactor.call_from_thread([&reactor, promise = AsyncProducer<int>(answer)]() mutable {
        reactor.sleep(1ms)
            .add_callback([promise = std::move(promise)]() mutable { promise.set(42); })
            .detach(log_failure);
    });
    if (!answer.wait(30s)) throw std::runtime_error("no answer");
    BOOST_TEST(answer.get() == 42);

    // In the loop's thread: wait for what another thread does.
    AsyncResult<int> work;
    reactor.call_from_thread([&reactor, &squared, work] {
        to_deferred(work, [&reactor](auto call) { reactor.call_from_thread(std::move(call)); })
            .add_callback([&](int n) {
                squared = n;
                reactor.stop();
            })
            .detach(log_failure);
    });
    std::thread worker([promise = AsyncProducer<int>(work)]() mutable { promise.set(7 * 7); });
    // end of snippet
    worker.join();
    loop.join();
    BOOST_TEST(squared == 49);
}
