// Who waits for room in a write buffer, and when they are told.
#define BOOST_TEST_MODULE flow_control
#include "plait/reactor/detail/flow_control.hpp"

#include <boost/test/unit_test.hpp>
#include <functional>
#include <stdexcept>

#include "plait/deferred/errors.hpp"
#include "plait/tests/reactor/recorder.hpp"
#include "plait/tests/reactor/reports.hpp"

using namespace plait;
using namespace plait::testing;
using plait::detail::FlowControl;

namespace {

struct Acting final : Producer {
    std::string told;
    std::function<void()> when_paused = [] {};
    std::function<void()> when_resumed = [] {};
    std::function<void()> when_stopped = [] {};

    void pause_producing() override {
        told += "pause ";
        when_paused();
    }
    void resume_producing() override {
        told += "resume ";
        when_resumed();
    }
    void stop_producing() override {
        told += "stop ";
        when_stopped();
    }
};

[[noreturn]] void refuse() {
    throw std::runtime_error("not now");
}

struct Flow : FlowControl {
    Acting producer;

    Flow() { set_watermarks(10, 100); }
    /// Shows it a level until nobody is told any more; returns how many were.
    int drop_to(std::size_t level) {
        int told = 0;
        while (sent(level))
            ++told;
        return told;
    }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_producer_is_paused_once_above_the_high_mark_and_resumed_once_at_the_low_one, Flow) {
    register_producer(producer, 100);
    BOOST_TEST(producer.told == "");
    queued(101);
    queued(5000);
    BOOST_TEST(producer.told == "pause ");
    BOOST_TEST(drop_to(11) == 0);
    BOOST_TEST(producer.told == "pause ");
    BOOST_TEST(drop_to(10) == 1);
    BOOST_TEST(producer.told == "pause resume ");
    queued(101);
    BOOST_TEST(producer.told == "pause resume pause ");
}

BOOST_FIXTURE_TEST_CASE(a_producer_registered_above_the_high_mark_is_paused_at_once, Flow) {
    register_producer(producer, 101);
    BOOST_TEST(producer.told == "pause ");
    BOOST_TEST(waited_for());
}

BOOST_FIXTURE_TEST_CASE(a_producer_that_throws_while_it_is_registered_is_not, Flow) {
    producer.when_paused = refuse;
    BOOST_CHECK_THROW(register_producer(producer, 101), std::runtime_error);
    BOOST_TEST(!has_producer());
    BOOST_TEST(!waited_for());
    BOOST_TEST(drop_to(0) == 0);
    Acting other;
    register_producer(other, 0);
    end(make_failure(ConnectionDone("over")));
    BOOST_TEST(producer.told == "pause ");
    BOOST_TEST(other.told == "stop ");
}

BOOST_FIXTURE_TEST_CASE(a_producer_that_makes_way_for_another_and_throws_leaves_that_one, Flow) {
    Acting other;
    producer.when_paused = [&] {
        unregister_producer();
        register_producer(other, 0);
        refuse();
    };
    BOOST_CHECK_THROW(register_producer(producer, 101), std::runtime_error);
    BOOST_TEST(has_producer());
    end(make_failure(ConnectionDone("over")));
    BOOST_TEST(other.told == "stop ");
    BOOST_TEST(producer.told == "pause ");
}

BOOST_FIXTURE_TEST_CASE(a_producer_that_throws_when_a_write_pauses_it_stays_and_is_resumed, Flow) {
    register_producer(producer, 0);
    producer.when_paused = refuse;
    BOOST_CHECK_THROW(queued(101), std::runtime_error);
    BOOST_TEST(has_producer());
    BOOST_TEST(drop_to(0) == 1);
    BOOST_TEST(producer.told == "pause resume ");
}

BOOST_FIXTURE_TEST_CASE(there_is_one_producer_and_an_unregistered_one_is_told_nothing, Flow) {
    register_producer(producer, 101);
    Acting other;
    BOOST_CHECK_THROW(register_producer(other, 0), InvalidState);
    unregister_producer();
    BOOST_TEST(drop_to(0) == 0);
    register_producer(other, 0);
    end(make_failure(ConnectionDone("over")));
    BOOST_TEST(producer.told == "pause ");
    BOOST_TEST(other.told == "stop ");
}

BOOST_FIXTURE_TEST_CASE(who_waits_is_told_in_order_the_producer_first_each_by_a_level_of_its_own, Flow) {
    std::string order;
    producer.when_resumed = [&] { order += "producer "; };
    register_producer(producer, 101);
    auto first = drained(11).add_callback([&] { order += "first "; });
    auto second = drained(11).add_callback([&] { order += "second "; });
    BOOST_TEST(sent(10));
    BOOST_TEST(order == "producer ");
    BOOST_TEST(sent(10));
    BOOST_TEST(order == "producer first ");
    BOOST_TEST(!sent(11));  // the first one wrote
    BOOST_TEST(sent(0));
    BOOST_TEST(order == "producer first second ");
    BOOST_TEST(!sent(0));
    BOOST_TEST(!waited_for());
}

BOOST_FIXTURE_TEST_CASE(waiting_is_over_at_the_low_mark, Flow) {
    BOOST_TEST(drained(10).ready());
    const auto waits = drained(11);
    BOOST_TEST(!waits.ready());
}

BOOST_FIXTURE_TEST_CASE(the_end_stops_the_producer_once_and_fails_who_waits, Flow) {
    register_producer(producer, 101);
    auto waits = drained(11);
    end(make_failure(ConnectionLost("broken")));
    end(make_failure(ConnectionDone("again")));
    BOOST_TEST(producer.told == "pause stop ");
    BOOST_CHECK_THROW(std::move(waits).take().value(), ConnectionLost);
    BOOST_TEST(drop_to(0) == 0);
}

BOOST_FIXTURE_TEST_CASE(a_producer_that_throws_when_stopped_is_reported_and_keeps_nobody_from_their_end, Flow) {
    Reports reports;
    producer.when_stopped = refuse;
    register_producer(producer, 0);
    auto waits = drained(11);
    end(make_failure(ConnectionLost("broken")));
    reports.expect(1);
    BOOST_CHECK_THROW(std::move(waits).take().value(), ConnectionLost);
}

BOOST_FIXTURE_TEST_CASE(marks_have_to_be_in_order, Flow) {
    BOOST_CHECK_THROW(set_watermarks(10, 10), std::invalid_argument);
    BOOST_CHECK_THROW(set_watermarks(11, 10), std::invalid_argument);
    queued(101);
    BOOST_TEST(drained(10).ready());  // the marks of before
}

BOOST_FIXTURE_TEST_CASE(a_paused_producer_that_is_handed_over_is_resumed_by_who_took_it, Flow) {
    register_producer(producer, 101);
    const Transport::Handover handed = release();
    BOOST_TEST((handed.producer == &producer));
    BOOST_TEST(handed.producer_paused);
    BOOST_TEST(!has_producer());
    BOOST_TEST(drop_to(0) == 0);
    FlowControl next;
    next.adopt(handed);
    BOOST_TEST(next.sent(0));
    BOOST_TEST(producer.told == "pause resume ");
}
