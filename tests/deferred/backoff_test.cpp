// Backoff: how delays grow, and where they end.
#define BOOST_TEST_MODULE deferred_backoff
#include "plait/deferred/backoff.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <limits>
#include <set>
#include <vector>

#include "plait/deferred/errors.hpp"

using namespace plait;
using namespace std::chrono_literals;

namespace {

std::vector<Duration> delays(const BackoffPolicy& policy, int count) {
    Backoff backoff(policy);
    std::vector<Duration> all;
    for (int i = 0; i < count; ++i)
        all.push_back(backoff.next());
    return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(delays_grow_by_the_factor_up_to_the_cap) {
    const BackoffPolicy policy{.initial = 1s, .factor = 3, .cap = 10s, .jitter = 0};
    BOOST_TEST((delays(policy, 5) == std::vector<Duration>{1s, 3s, 9s, 10s, 10s}));
}

BOOST_AUTO_TEST_CASE(a_reset_begins_again) {
    Backoff backoff({.initial = 1s, .jitter = 0});
    BOOST_TEST((backoff.next() == 1s));
    BOOST_TEST((backoff.next() == 2s));
    BOOST_TEST(backoff.given() == 2u);
    backoff.reset();
    BOOST_TEST(backoff.given() == 0u);
    BOOST_TEST((backoff.next() == 1s));
}

BOOST_AUTO_TEST_CASE(jitter_spreads_evenly_around_the_delay_and_never_passes_the_cap) {
    Duration least = Duration::max();
    Duration most{};
    for (std::uint64_t seed = 0; seed < 1000; ++seed) {
        const auto all = delays({.initial = 4s, .factor = 2, .cap = 9s, .jitter = 0.25, .seed = seed}, 4);
        BOOST_REQUIRE((all[0] >= 3s && all[0] <= 5s));
        least = std::min(least, all[0]);
        most = std::max(most, all[0]);
        for (std::size_t i = 1; i < 4; ++i)
            BOOST_REQUIRE((all[i] >= 6s && all[i] <= 9s));
    }
    BOOST_TEST((least < 3100ms));
    BOOST_TEST((most > 4900ms));
}

BOOST_AUTO_TEST_CASE(at_the_cap_clients_do_not_meet) {
    std::set<Duration> different;
    for (std::uint64_t seed = 0; seed < 1000; ++seed)
        different.insert(delays({.initial = 10s, .cap = 10s, .jitter = 0.5, .seed = seed}, 1)[0]);
    BOOST_TEST(different.size() > 990u);
}

BOOST_AUTO_TEST_CASE(a_seed_gives_the_same_delays_and_none_gives_others) {
    BOOST_TEST((delays({.seed = 7}, 10) == delays({.seed = 7}, 10)));
    BOOST_TEST((delays({.seed = 7}, 10) != delays({.seed = 8}, 10)));
    BOOST_TEST((delays({}, 10) != delays({}, 10)));
}

BOOST_AUTO_TEST_CASE(extremes_neither_overflow_nor_stick) {
    const BackoffPolicy endless{.initial = Duration::max(), .factor = 1e300, .cap = Duration::max(), .jitter = 1};
    for (const Duration delay : delays(endless, 100))
        BOOST_REQUIRE((delay >= 0s));
    const auto fast = delays({.initial = 1ns, .factor = 1e300, .cap = Duration::max(), .jitter = 0}, 3);
    BOOST_TEST((fast == std::vector<Duration>{1ns, Duration::max(), Duration::max()}));
    BOOST_TEST((delays({.initial = 0s}, 3) == std::vector<Duration>{0s, 0s, 0s}));
}

BOOST_AUTO_TEST_CASE(a_policy_without_sense_is_refused) {
    BOOST_CHECK_THROW(Backoff({.initial = -1ns}), UsageError);
    BOOST_CHECK_THROW(Backoff({.initial = 2s, .cap = 1s}), UsageError);
    BOOST_CHECK_THROW(Backoff({.factor = 0.5}), UsageError);
    BOOST_CHECK_THROW(Backoff({.factor = std::numeric_limits<double>::infinity()}), UsageError);
    BOOST_CHECK_THROW(Backoff({.factor = std::numeric_limits<double>::quiet_NaN()}), UsageError);
    BOOST_CHECK_THROW(Backoff({.jitter = 1.5}), UsageError);
    BOOST_CHECK_THROW(Backoff({.jitter = std::numeric_limits<double>::quiet_NaN()}), UsageError);
}
