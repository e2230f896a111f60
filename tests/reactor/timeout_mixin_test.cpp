#define BOOST_TEST_MODULE timeout_mixin
#include "plait/reactor/protocols/timeout_mixin.hpp"

#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>

#include "plait/deferred/testing/manual_clock.hpp"
#include "plait/reactor/protocols/line_receiver.hpp"
#include "plait/reactor/testing/memory_transport.hpp"

using namespace plait;           // NOLINT
using namespace plait::testing;  // NOLINT
using namespace std::chrono_literals;

namespace {

class Patient : public LineReceiver, public TimeoutMixin {
public:
    explicit Patient(Clock& clock) : TimeoutMixin(clock, *this) {}

    void line_received(Bytes) override { reset_timeout(); }
    void timeout_connection() override {
        ++times;
        if (const auto step = on_timeout) return step(*this);
        TimeoutMixin::timeout_connection();
    }

    int times = 0;
    std::function<void(Patient&)> on_timeout;
};

struct Fixture {
    ManualClock clock;
    std::shared_ptr<Patient> patient = std::make_shared<Patient>(clock);
    MemoryTransport transport{patient};
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(when_the_time_has_passed_the_connection_is_lost, Fixture) {
    patient->set_timeout(3s);
    clock.advance(2999ms);
    BOOST_TEST(!transport.disconnecting());
    clock.advance(1ms);
    BOOST_TEST(transport.disconnecting());
    BOOST_TEST(patient->times == 1);
    clock.advance(1h);
    BOOST_TEST(patient->times == 1);
}

BOOST_FIXTURE_TEST_CASE(a_reset_counts_from_now_again, Fixture) {
    patient->set_timeout(3s);
    clock.advance(2s);
    transport.deliver("something\r\n");
    clock.advance(2s);
    BOOST_TEST(!transport.disconnecting());
    clock.advance(1s);
    BOOST_TEST(transport.disconnecting());
}

BOOST_FIXTURE_TEST_CASE(a_time_out_set_again_replaces_the_one_before, Fixture) {
    BOOST_TEST(!patient->set_timeout(3s).has_value());
    clock.advance(2s);
    BOOST_TEST((patient->set_timeout(10s) == 3s));
    clock.advance(9s);
    BOOST_TEST(patient->times == 0);
    BOOST_TEST((patient->set_timeout(std::nullopt) == 10s));
    BOOST_TEST(clock.pending_calls() == 0U);
    patient->reset_timeout();
    clock.advance(1h);
    BOOST_TEST(patient->times == 0);
    BOOST_TEST(!patient->timeout().has_value());
}

BOOST_FIXTURE_TEST_CASE(a_time_out_that_has_passed_is_not_reset_but_may_be_set, Fixture) {
    patient->on_timeout = [](Patient& self) { self.reset_timeout(); };
    patient->set_timeout(1s);
    clock.advance(5s);
    BOOST_TEST(patient->times == 1);
    patient->on_timeout = [](Patient& self) { self.set_timeout(1s); };
    patient->set_timeout(1s);
    clock.advance(3s);
    BOOST_TEST(patient->times == 4);
}

BOOST_AUTO_TEST_CASE(it_may_be_destroyed_from_its_own_call_and_before) {
    ManualClock clock;
    auto patient = std::make_shared<Patient>(clock);
    auto transport = std::make_unique<MemoryTransport>(patient);
    patient->on_timeout = [&](Patient&) {
        transport.reset();
        patient.reset();
    };
    patient->set_timeout(1s);
    clock.advance(1s);
    BOOST_TEST(!patient);

    patient = std::make_shared<Patient>(clock);
    patient->set_timeout(1s);
    patient.reset();
    BOOST_TEST(clock.pending_calls() == 0U);
}
