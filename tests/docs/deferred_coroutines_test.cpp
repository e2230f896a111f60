// The code of docs/deferred.md: from ordered code to chains and coroutines.
#define BOOST_TEST_MODULE docs_deferred_coroutines
#include <boost/test/unit_test.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "plait/deferred/coroutine.hpp"
#include "plait/deferred/scope.hpp"
#include "plait/deferred/testing/manual_clock.hpp"
#include "plait/deferred/testing/outcomes.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

class NotThere : public Error {
public:
    NotThere() : Error("not there") {}
};

struct Account {
    std::string name;
    int cents = 0;
};

ManualClock clock_;
std::vector<std::string> saved;
bool there = true;

namespace plain {
Account load(const std::string& name) {
    if (!there) throw NotThere();
    return {name, 100};
}
Account make_new(const std::string& name) {
    return {name, 0};
}
void save(const Account& account) {
    saved.push_back(account.name + " " + std::to_string(account.cents));
}

// snippet: plain
int pay(const std::string& name, int cents) {
    Account account;
    try {
        account = load(name);
    } catch (const NotThere&) {
        account = make_new(name);
    }
    account.cents += cents;
    save(account);
    return account.cents;
}
// end of snippet
}  // namespace plain

Deferred<Account> load(std::string name) {
    co_await clock_.sleep(1s);
    co_return plain::load(name);
}
Deferred<Account> make_new(std::string name) {
    co_await clock_.sleep(1s);
    co_return plain::make_new(name);
}
Deferred<> save(Account account) {
    co_await clock_.sleep(1s);
    plain::save(account);
}

namespace chains {
// snippet: chained
Deferred<int> pay(std::string name, int cents) {
    return load(name)
        .add_errback<NotThere>([name](const NotThere&) { return make_new(name); })
        .add_callback([cents](Account account) {
            account.cents += cents;
            return save(account).add_callback([account] { return account.cents; });
        });
}
// end of snippet
}  // namespace chains

namespace coroutines {
// snippet: coroutine
Deferred<int> pay(std::string name, int cents) {
    std::optional<Account> account;
    try {
        account = co_await load(name);
    } catch (const NotThere&) {
    }
    if (!account) account = co_await make_new(name);  // C++ allows no co_await inside catch
    account->cents += cents;
    co_await save(*account);
    co_return account->cents;
}
// end of snippet
}  // namespace coroutines

}  // namespace

BOOST_AUTO_TEST_CASE(three_ways_to_pay) {
    for (const bool known : {true, false}) {
        there = known;
        saved.clear();
        const int expected = plain::pay("ann", 5);
        auto chained = chains::pay("ann", 5);
        auto awaited = coroutines::pay("ann", 5);
        clock_.pump({1s, 1s, 1s});
        BOOST_TEST(success_of(chained) == expected);
        BOOST_TEST(success_of(awaited) == expected);
        BOOST_TEST(saved == std::vector<std::string>(3, saved.front()), boost::test_tools::per_element());
    }
}

namespace {
// snippet: loop
Deferred<int> total(std::vector<std::string> names) {
    int sum = 0;
    for (const auto& name : names) {
        const Account account = co_await load(name);
        sum += account.cents;
    }
    co_return sum;
}
// end of snippet

// snippet: loop_chain
Deferred<int> total_of(std::vector<std::string> names, int sum = 0) {
    if (names.empty()) return succeed(sum);
    auto name = names.back();
    names.pop_back();
    return load(name).add_callback([names, sum](Account account) { return total_of(names, sum + account.cents); });
}
// end of snippet

std::vector<std::string> story;

// snippet: cancelled
Deferred<> sell(std::string what) {
    bool sold = false;
    try {
        co_await clock_.sleep(1h);
        sold = true;
    } catch (const Cancelled&) {
    }
    story.push_back((sold ? "sold " : "kept ") + what);
    co_await clock_.sleep(1s);  // cleaning up may wait; the one who cancelled waits for it
}
// end of snippet
}  // namespace

BOOST_AUTO_TEST_CASE(loops) {
    there = true;
    auto by_loop = total({"a", "b", "c"});
    auto by_chain = total_of({"a", "b", "c"});
    clock_.pump({1s, 1s, 1s});
    BOOST_TEST(success_of(by_loop) == 300);
    BOOST_TEST(success_of(by_chain) == 300);
}

BOOST_AUTO_TEST_CASE(a_coroutine_may_clean_up_when_cancelled) {
    story.clear();
    auto selling = sell("the cow");
    selling.cancel();
    no_result(selling);
    clock_.advance(1s);
    success_of(selling);
    BOOST_TEST(story == std::vector<std::string>{"kept the cow"}, boost::test_tools::per_element());
}

namespace {

struct Shop {
    int sold = 0;
    Scope work{[](const Failure& failure) { story.push_back(failure.message()); }};

    // snippet: lambda
    // WRONG: Deferred<> d = [this, what]() -> Deferred<> { ... }();  -- the captures go with the lambda, at once.

    Deferred<> sell_one(std::string what) {
        // A member function or parameters by value: what it needs is in the coroutine itself.
        co_await sell(what);
        ++sold;
    }

    void sell_many(std::vector<std::string> list) {
        for (const auto& what : list) {
            // A Scope keeps the lambda as long as it runs.
            work.spawn([this, what]() -> Deferred<> {
                co_await sell(what);
                ++sold;
            });
        }
    }

    Deferred<> sell_this(std::string what) {
        // run_coroutine() keeps any other.
        return run_coroutine([this, what]() -> Deferred<> {
            co_await sell(what);
            ++sold;
        });
    }
    // end of snippet
};

}  // namespace

BOOST_AUTO_TEST_CASE(captures_live_as_long_as_the_coroutine) {
    story.clear();
    Shop shop;
    auto one = shop.sell_one("a hen");
    auto another = shop.sell_this("a horse");
    shop.sell_many({"a pig", "a goat"});
    clock_.pump({1h, 1s});
    BOOST_TEST(shop.sold == 4);
    BOOST_TEST(story.size() == 4u);
    success_of(one);
    success_of(another);
}
