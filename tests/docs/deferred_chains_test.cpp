// The code of docs/deferred.md: using chains, making them, errors, cancelling, lifetimes.
#define BOOST_TEST_MODULE docs_deferred_chains
#include <boost/test/unit_test.hpp>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "plait/deferred/attach.hpp"
#include "plait/deferred/maybe.hpp"
#include "plait/deferred/share.hpp"
#include "plait/deferred/testing/manual_clock.hpp"
#include "plait/deferred/testing/outcomes.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

class NoSuchKey : public Error {
public:
    using Error::Error;
};

/// A store whose answers come when the test says so.
struct Store {
    std::map<std::string, std::string> values{{"limit", "10"}, {"bad", "ten"}};
    std::vector<std::function<void()>> answers;
    int withdrawn = 0;

    Deferred<std::string> get(const std::string& key) {
        auto [deferred, promise] = make_deferred<std::string>([this] { ++withdrawn; });
        auto kept = std::make_shared<Promise<std::string>>(std::move(promise));
        answers.push_back([this, key, kept] {
            if (values.contains(key)) {
                kept->callback(values[key]);
            } else {
                kept->errback(NoSuchKey(key));
            }
        });
        return std::move(deferred);
    }
    void answer() {
        for (auto& give : std::exchange(answers, {}))
            give();
    }
};

int parse(const std::string& text) {
    return std::stoi(text);
}

std::vector<std::string> log_lines;
void log_failure(const Failure& failure) {
    log_lines.push_back(failure.message());
}

struct Fixture {
    Fixture() { log_lines.clear(); }
    Store store;
    ManualClock clock;
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_chain, Fixture) {
    int limit = 0;
    const auto set_limit = [&](int n) { limit = n; };
    // snippet: chain
    store
        .get("limit")                                                // Deferred<std::string>
        .add_callback([](std::string text) { return parse(text); })  // Deferred<int>
        .add_errback<NoSuchKey>([](const NoSuchKey&) { return 5; })  // still Deferred<int>
        .add_callback([&](int n) { set_limit(n); })                  // Deferred<>
        .detach(log_failure);                                        // nobody waits for the end of it
    // end of snippet
    BOOST_TEST(limit == 0);
    store.answer();
    BOOST_TEST(limit == 10);
}

BOOST_FIXTURE_TEST_CASE(which_errback_runs, Fixture) {
    std::vector<std::string> ran;
    const auto note = [&](const char* what) { ran.push_back(what); };
    // snippet: ladder
    auto done = store.get("bad")
                    .add_callback([](std::string text) { return parse(text); })  // throws std::invalid_argument
                    .add_callback([&](int n) {
                        note("not run: there is no value");
                        return n;
                    })
                    .add_errback<NoSuchKey>([&](const NoSuchKey&) {
                        note("not run: another type");
                        return 0;
                    })
                    .add_errback([&](const Failure& failure) {
                        note(failure.check<std::invalid_argument>() ? "run: it is one" : "run");
                        return 7;
                    })
                    .add_callback([&](int n) {
                        note("run: there is a value again");
                        return n;
                    });
    // end of snippet
    store.answer();
    BOOST_TEST(success_of(done) == 7);
    BOOST_TEST(ran == (std::vector<std::string>{"run: it is one", "run: there is a value again"}),
               boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_callback_that_waits, Fixture) {
    // snippet: returned
    auto second = store.get("limit").add_callback([&](std::string text) {
        return store.get(text);  // a Deferred<std::string>, and so is `second`
    });
    // end of snippet
    store.values["10"] = "ten";
    store.answer();
    no_result(second);
    store.answer();
    BOOST_TEST(success_of(second) == "ten");
}

namespace {

struct OldLookup {
    using Done = std::function<void(int error, std::string value)>;
    int start(const std::string&, Done done) {
        done_ = std::move(done);
        return 1;
    }
    void stop(int) { ++stopped; }

    Done done_;
    int stopped = 0;
};

// snippet: adapter
// lookup.start(name, done) calls done(error, value) once; lookup.stop(number) takes that back.
Deferred<std::string> look_up(OldLookup& lookup, const std::string& name) {
    auto [deferred, promise] = make_deferred<std::string>();
    // std::function wants to copy what it holds, and a Promise cannot be copied.
    auto answer = std::make_shared<Promise<std::string>>(std::move(promise));
    const int number = lookup.start(name, [answer, name](int error, std::string value) {
        if (error != 0) return answer->errback(NoSuchKey(name));
        answer->callback(std::move(value));
    });
    // Asked when the Deferred is cancelled or dropped before the answer.
    answer->on_cancel([&lookup, number] { lookup.stop(number); });
    return std::move(deferred);
}
// end of snippet

}  // namespace

BOOST_AUTO_TEST_CASE(an_adapter_for_callbacks) {
    OldLookup lookup;
    auto one = look_up(lookup, "one");
    lookup.done_(0, "1");
    BOOST_TEST(success_of(one) == "1");
    auto two = look_up(lookup, "two");
    lookup.done_(2, "");
    BOOST_TEST(failure_of<NoSuchKey>(two).what() == "two");
    BOOST_TEST(lookup.stopped == 0);
    two = look_up(lookup, "three");
    two = Deferred<std::string>();
    BOOST_TEST(lookup.stopped == 1);
    auto four = look_up(lookup, "four");
    lookup.done_ = nullptr;  // forgets the callback: the Promise goes with it
    failure_of<BrokenPromise>(four);
}

BOOST_AUTO_TEST_CASE(ready_ones) {
    const std::map<std::string, int> cache{{"a", 1}};
    const auto ask = [](const std::string& key) { return fail<int>(NoSuchKey(key)); };
    // snippet: ready
    auto cached_or_asked = [&](const std::string& key) -> Deferred<int> {
        if (key.empty()) return fail<int>(std::invalid_argument("an empty key"));
        if (auto found = cache.find(key); found != cache.end()) return succeed(found->second);
        return ask(key);
    };
    // end of snippet
    BOOST_TEST(success_of(cached_or_asked("a")) == 1);
    failure_of<NoSuchKey>(cached_or_asked("b"));
    failure_of<std::invalid_argument>(cached_or_asked(""));
}

// snippet: mistakes
BOOST_AUTO_TEST_CASE(mistakes_have_sentences) {
    auto [deferred, promise] = make_deferred<int>();
    promise.callback(1);
    BOOST_CHECK_THROW(promise.callback(2), AlreadyFired);  // a Promise delivers one result, once
    auto next = std::move(deferred).add_callback([](int n) { return n + 1; });
    BOOST_CHECK_THROW(static_cast<void>(deferred.take()), InvalidState);  // moved from: `next` has what it had
    BOOST_TEST(next.take().value() == 2);
}
// end of snippet

BOOST_FIXTURE_TEST_CASE(looking_at_a_failure, Fixture) {
    std::string said;
    // snippet: failure
    auto done = store.get("bad")
                    .add_callback([](std::string text) { return parse(text); })
                    .add_errback([&](const Failure& failure) -> Result<int> {
                        if (failure.check<std::out_of_range>()) return 1'000'000;
                        said = failure.message();  // "std::invalid_argument: stoi"
                        return failure;            // not for us: on to the next errback
                    });
    // end of snippet
    store.answer();
    failure_of<std::invalid_argument>(done);
    BOOST_TEST(said == "std::invalid_argument: stoi");
}

BOOST_FIXTURE_TEST_CASE(cleaning_up_either_way, Fixture) {
    bool open = true;
    const auto close = [&] { open = false; };
    // snippet: both
    auto done = store.get("nothing").add_both([&](Result<std::string> outcome) {
        close();
        return outcome;  // the value or the Failure, as it came
    });
    // end of snippet
    store.answer();
    BOOST_TEST(!open);
    failure_of<NoSuchKey>(done);
}

BOOST_FIXTURE_TEST_CASE(cancelling_tells_the_chain_dropping_does_not, Fixture) {
    std::vector<std::string> seen;
    // snippet: cancel_or_drop
    auto asked = [&] {
        return store.get("limit").add_errback<Cancelled>([&](const Cancelled&) {
            seen.push_back("was told");
            return std::string();
        });
    };
    auto cancelled = asked();
    cancelled.cancel();  // the store is asked to stop, then the errback runs
    {
        auto dropped = asked();
    }  // the store is asked to stop, and the errback is destroyed
    // end of snippet
    BOOST_TEST(seen == std::vector<std::string>{"was told"}, boost::test_tools::per_element());
    BOOST_TEST(store.withdrawn == 2);
    store.answer();  // too late, and harmless
    BOOST_TEST(success_of(cancelled) == "");
}

BOOST_FIXTURE_TEST_CASE(a_timeout, Fixture) {
    // snippet: timeout
    auto limit = store.get("limit")
                     .add_timeout(clock, 2s, "reading the limit")
                     .add_callback([](std::string text) { return parse(text); })
                     .add_errback<TimeoutError>([](const TimeoutError&) { return 5; });
    // end of snippet
    clock.advance(2s);
    BOOST_TEST(success_of(limit) == 5);
    BOOST_TEST(store.withdrawn == 1);
}

// snippet: owner
class Limits {
public:
    explicit Limits(Store& store) : store_(store) {}

    // `this` may be captured: when a Limits goes, loading_ goes, and with it the callback.
    void load() {
        loading_ = store_.get("limit")
                       .add_callback([this](std::string text) { limit_ = parse(text); })
                       .add_errback([](const Failure& failure) { log_failure(failure); });
    }
    int limit() const { return limit_; }

private:
    Store& store_;
    int limit_ = 0;
    Deferred<> loading_;  // last, so that it goes first
};
// end of snippet

BOOST_FIXTURE_TEST_CASE(an_owner_may_go_any_time, Fixture) {
    auto limits = std::make_unique<Limits>(store);
    limits->load();
    store.answer();
    BOOST_TEST(limits->limit() == 10);
    limits->load();
    limits.reset();
    BOOST_TEST(store.withdrawn == 1);
    store.answer();
}

BOOST_FIXTURE_TEST_CASE(keeping_something_alive, Fixture) {
    struct Buffer {
        std::string text = "limit";
    };
    std::weak_ptr<Buffer> watched;
    // snippet: attach
    auto buffer = std::make_shared<Buffer>();
    Deferred<std::string> written = store.get(buffer->text).attach(buffer);  // kept until the answer is here
    // end of snippet
    watched = buffer;
    buffer.reset();
    BOOST_TEST(!watched.expired());
    store.answer();
    BOOST_TEST(watched.expired());
    BOOST_TEST(success_of(written) == "10");
}

BOOST_FIXTURE_TEST_CASE(sharing, Fixture) {
    std::string web;
    std::string mail;
    // snippet: share
    SharedDeferred<std::string> limit = store.get("limit").share();
    limit.branch().add_callback([&](std::string text) { web = text; }).detach(log_failure);
    limit.branch().add_callback([&](std::string text) { mail = text; }).detach(log_failure);
    // end of snippet
    store.answer();
    BOOST_TEST(web + mail == "1010");
}
