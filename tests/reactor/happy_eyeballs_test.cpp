// The order and the times in which the addresses of a host are tried (RFC 8305).
#define BOOST_TEST_MODULE happy_eyeballs
#include "plait/reactor/detail/happy_eyeballs.hpp"

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <set>

#include "plait/deferred/testing/manual_clock.hpp"

using namespace plait;
using namespace plait::detail;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

/// Sockets that connect nowhere: what is opened is written down, with the time in milliseconds.
struct Fixture : HappyEyeballs::Sockets {
    ManualClock clock;
    std::string log;
    std::set<std::string> unreachable;
    HappyEyeballs race{clock, *this, {250ms, 50ms, true}};

    virtual ~Fixture() = default;

    int open(const Address& to) override {
        log += to.ip + "@" + std::to_string(clock.now().time_since_epoch() / 1ms) + " ";
        return unreachable.contains(to.ip) ? ENETUNREACH : 0;
    }
    void exhausted() override { log += "exhausted "; }

    void add(std::initializer_list<const char*> ips) {
        std::vector<Address> found;
        for (const char* ip : ips)
            found.push_back({ip, 80});
        race.add(found);
    }
    void failed(const char* ip) { race.failed({ip, 80}, ECONNREFUSED); }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(families_take_turns_ipv6_first, Fixture) {
    add({"1.1.1.1", "1.1.1.2", "1.1.1.3", "6::1", "6::2"});
    clock.advance(10s);
    BOOST_TEST(log == "6::1@0 1.1.1.1@250 6::2@500 1.1.1.2@750 1.1.1.3@1000 ");
}

BOOST_FIXTURE_TEST_CASE(ipv6_is_not_waited_for_when_it_is_here_first, Fixture) {
    add({"6::1"});
    BOOST_TEST(log == "6::1@0 ");
    clock.advance(100ms);
    add({"1.1.1.1"});
    clock.advance(1s);
    BOOST_TEST(log == "6::1@0 1.1.1.1@250 ");
}

BOOST_FIXTURE_TEST_CASE(ipv4_waits_a_moment_for_ipv6, Fixture) {
    clock.advance(10ms);
    add({"1.1.1.1", "1.1.1.2"});
    clock.advance(30ms);
    BOOST_TEST(log == "");
    add({"6::1"});
    BOOST_TEST(log == "6::1@40 ");
    clock.advance(250ms);
    BOOST_TEST(log == "6::1@40 1.1.1.1@290 ");
}

BOOST_FIXTURE_TEST_CASE(ipv4_does_not_wait_longer_than_that, Fixture) {
    add({"1.1.1.1", "1.1.1.2"});
    clock.advance(50ms);
    BOOST_TEST(log == "1.1.1.1@50 ");
    clock.advance(100ms);
    add({"6::1"});
    clock.advance(1s);
    BOOST_TEST(log == "1.1.1.1@50 6::1@300 1.1.1.2@550 ");
}

BOOST_FIXTURE_TEST_CASE(more_of_ipv4_does_not_make_it_wait_longer, Fixture) {
    add({"1.1.1.1"});
    clock.advance(40ms);
    add({"1.1.1.2"});
    clock.advance(10ms);
    BOOST_TEST(log == "1.1.1.1@50 ");
}

BOOST_FIXTURE_TEST_CASE(ipv4_does_not_wait_when_the_look_up_has_ended, Fixture) {
    add({"1.1.1.1"});
    clock.advance(10ms);
    race.no_more();
    BOOST_TEST(log == "1.1.1.1@10 ");
}

BOOST_FIXTURE_TEST_CASE(a_failure_brings_the_next_at_once, Fixture) {
    add({"6::1", "1.1.1.1", "6::2", "1.1.1.2"});
    clock.advance(10ms);
    failed("6::1");
    BOOST_TEST(log == "6::1@0 1.1.1.1@10 ");
    clock.advance(250ms);
    BOOST_TEST(log == "6::1@0 1.1.1.1@10 6::2@260 ");
    failed("1.1.1.1");  // also that of an earlier one
    BOOST_TEST(log == "6::1@0 1.1.1.1@10 6::2@260 1.1.1.2@260 ");
}

BOOST_FIXTURE_TEST_CASE(what_cannot_be_opened_costs_no_time, Fixture) {
    unreachable = {"6::1", "6::2"};
    add({"6::1", "6::2", "1.1.1.1"});
    BOOST_TEST(log == "6::1@0 1.1.1.1@0 ");
    clock.advance(250ms);
    BOOST_TEST(log == "6::1@0 1.1.1.1@0 6::2@250 ");
    BOOST_TEST(race.failures().size() == 2u);
}

BOOST_FIXTURE_TEST_CASE(it_is_over_when_all_have_failed_and_none_will_come, Fixture) {
    add({"6::1"});
    failed("6::1");
    BOOST_TEST(log == "6::1@0 ");
    clock.advance(1s);
    add({"1.1.1.1"});
    BOOST_TEST(log == "6::1@0 1.1.1.1@1000 ");
    race.no_more();
    BOOST_TEST(log == "6::1@0 1.1.1.1@1000 ");
    failed("1.1.1.1");
    BOOST_TEST(log == "6::1@0 1.1.1.1@1000 exhausted ");
}

BOOST_FIXTURE_TEST_CASE(it_is_over_when_nothing_can_be_opened, Fixture) {
    unreachable = {"6::1", "1.1.1.1"};
    add({"6::1", "1.1.1.1"});
    BOOST_TEST(log == "6::1@0 1.1.1.1@0 ");
    race.no_more();
    BOOST_TEST(log == "6::1@0 1.1.1.1@0 exhausted ");
}

BOOST_FIXTURE_TEST_CASE(known_addresses_are_tried_once_and_only_so_many, Fixture) {
    add({"6::1", "6::1"});
    add({"6::1"});
    clock.advance(1s);
    BOOST_TEST(log == "6::1@0 ");
    std::vector<Address> many;
    for (int i = 0; i < 1000; ++i)
        many.push_back({"10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250), 80});
    race.add(many);
    clock.advance(1h);
    BOOST_TEST(static_cast<std::size_t>(std::count(log.begin(), log.end(), '@')) == HappyEyeballs::most_addresses);
}

BOOST_FIXTURE_TEST_CASE(stopped_it_opens_nothing_more, Fixture) {
    add({"6::1", "1.1.1.1"});
    race.stop();
    clock.advance(1h);
    BOOST_TEST(log == "6::1@0 ");
    BOOST_TEST(clock.pending_calls() == 0u);
}
