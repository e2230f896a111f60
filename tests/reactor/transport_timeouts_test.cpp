// When a connection has stood still for too long, by a clock that the test moves.
#define BOOST_TEST_MODULE transport_timeouts
#include "plait/reactor/detail/transport_timeouts.hpp"

#include <boost/test/unit_test.hpp>
#include <memory>

#include "plait/deferred/testing/manual_clock.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;
using plait::detail::TransportTimeouts;

namespace {

struct Watched {
    ManualClock clock;
    TransportTimeouts::Traffic traffic{};
    std::string expired;
    std::unique_ptr<TransportTimeouts> timeouts = std::make_unique<TransportTimeouts>(
        clock, [this] { return traffic; }, [this](const std::string& what) { expired += what + ";"; });

    /// Until it expires; at most `most`.
    Duration run(Duration most) {
        Duration gone{};
        for (; expired.empty() && gone < most; gone += 10ms)
            clock.advance(10ms);
        return gone;
    }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(an_idle_one_expires_once_not_early_and_at_most_a_quarter_late, Watched) {
    timeouts->set_idle(1s);
    const Duration gone = run(10s);
    BOOST_TEST((gone >= 1s && gone <= 1250ms));
    BOOST_TEST(expired == "was idle for 1 s;");
    clock.advance(10s);
    BOOST_TEST(expired == "was idle for 1 s;");
}

BOOST_FIXTURE_TEST_CASE(bytes_in_either_direction_are_movement, Watched) {
    for (std::uint64_t TransportTimeouts::Traffic::* counter :
         {&TransportTimeouts::Traffic::received, &TransportTimeouts::Traffic::sent}) {
        timeouts->set_idle(1s);
        for (int i = 0; i < 20; ++i) {
            ++(traffic.*counter);
            clock.advance(500ms);
        }
        BOOST_TEST(expired.empty());
    }
    const Duration gone = run(10s);
    BOOST_TEST((gone >= 500ms && gone <= 1250ms));
}

BOOST_FIXTURE_TEST_CASE(the_write_limit_counts_only_while_bytes_are_queued_and_none_is_taken, Watched) {
    timeouts->set_write(1s);
    BOOST_TEST((run(10s) == 10s));
    traffic.queued = 5;
    for (int i = 0; i < 20; ++i) {
        ++traffic.sent;
        ++traffic.received;
        clock.advance(500ms);
    }
    BOOST_TEST(expired.empty());
    traffic.received += 100;  // says nothing about writing
    const Duration gone = run(10s);
    BOOST_TEST((gone >= 500ms && gone <= 1500ms));
    BOOST_TEST(expired == "took none of 5 queued bytes for 1 s;");
}

BOOST_FIXTURE_TEST_CASE(no_limit_or_a_negative_one_sets_no_timer, Watched) {
    timeouts->set_idle(1s);
    BOOST_TEST(clock.pending_calls() == 1U);
    timeouts->set_idle(0s);
    BOOST_TEST(clock.pending_calls() == 0U);
    timeouts->set_write(-1s);
    BOOST_TEST(clock.pending_calls() == 0U);
}

BOOST_AUTO_TEST_CASE(they_may_be_destroyed_by_what_they_call) {
    ManualClock clock;
    std::unique_ptr<TransportTimeouts> timeouts;
    timeouts = std::make_unique<TransportTimeouts>(
        clock, [] { return TransportTimeouts::Traffic{}; }, [&](const std::string&) { timeouts.reset(); });
    timeouts->set_idle(1s);
    timeouts->set_write(2s);
    clock.advance(5s);
    BOOST_TEST(timeouts == nullptr);
    BOOST_TEST(clock.pending_calls() == 0U);
}
