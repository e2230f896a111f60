// Back-pressure, pauses and time-outs of a stream.
#define BOOST_TEST_MODULE view_flow
#include <boost/test/unit_test.hpp>

#include "plait/reactor/errors.hpp"
#include "plait/tests/couch_async/view_world.hpp"

using namespace plait;
using namespace plait::couch_async;
using namespace plait::couch_async::testing;

namespace {

constexpr int many = 50'000;
constexpr std::uint64_t bound = 1024 * 1024;  // of 8 MB

struct Fixture : World {
    Fixture() { server.add_view("db", "d", "v", numbered(many, 100)); }

    /// One more of these, and it would be noticed: rows in order, none lost, none twice.
    static void check_all(const Record& record) {
        BOOST_TEST(record.ids.size() == static_cast<std::size_t>(many));
        BOOST_TEST((record.ids == numbered_ids(many)));
        BOOST_TEST(record.terminals() == "done ");
    }
};

ViewOptions with(ViewTimeouts timeouts) {
    ViewOptions options;
    options.timeouts = timeouts;
    return options;
}

ViewTimeouts none() {
    return {0s, 0s, 0s, 0s};
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_handler_that_waits_stops_the_server, Fixture) {
    Gate gate;
    Recorder view(client);
    view.in_rows = [&] { return gate.wait(); };
    auto outcome = view.start();
    settle();
    BOOST_TEST(gate.waits == 1);
    BOOST_TEST(server.counts().bytes < bound);
    pass(1h);
    BOOST_TEST(gate.waits == 1);
    BOOST_TEST(server.counts().bytes < bound);
    BOOST_TEST(view.running());

    // Its answers are taken one by one: the server never gets far ahead.
    std::uint64_t ahead = 0;
    while (!outcome.ready()) {
        BOOST_REQUIRE(gate.waiting());
        gate.open();
        settle();
        const std::uint64_t taken = view.record->rows_text.size();
        ahead = std::max(ahead, server.counts().bytes - std::min(server.counts().bytes, taken));
    }
    BOOST_TEST(ahead < bound);
    check_all(*view.record);
}

BOOST_FIXTURE_TEST_CASE(a_handler_that_waits_for_every_small_batch_stops_the_server, Fixture) {
    // Many batches come out of one read from the connection: it stays paused from one to the next.
    Gate gate;
    ViewOptions options;
    options.batch.rows = 50;
    Recorder view(client, {}, options);
    view.in_rows = [&] { return gate.wait(); };
    auto outcome = view.start();
    settle();
    while (!outcome.ready()) {
        BOOST_REQUIRE(gate.waiting());
        BOOST_REQUIRE(server.counts().bytes < view.record->rows_text.size() * 11 / 10 + bound);
        gate.open();
        settle();
    }
    check_all(*view.record);
}

BOOST_FIXTURE_TEST_CASE(a_paused_stream_calls_nothing_and_reads_nothing, Fixture) {
    Recorder view(client);
    view.in_rows = [&] {
        view.pause();
        return succeed();
    };
    auto outcome = view.start();
    settle();
    BOOST_TEST(view.paused());
    BOOST_TEST(view.record->batches.size() == 1U);
    BOOST_TEST(server.counts().bytes < bound);
    pass(1h);
    BOOST_TEST(view.record->batches.size() == 1U);
    while (!outcome.ready()) {
        const auto before = view.record->events.size();
        view.resume();
        BOOST_REQUIRE(!view.paused());
        BOOST_REQUIRE(view.record->events.size() == before);  // nothing from inside resume()
        settle();
        BOOST_REQUIRE(view.record->events.size() > before);
    }
    check_all(*view.record);
}

BOOST_FIXTURE_TEST_CASE(a_stream_paused_before_its_start_waits, Fixture) {
    Recorder view(client);
    view.pause();
    auto outcome = view.start();
    pass(1h);
    BOOST_TEST(server.counts().requests == 1U);
    BOOST_TEST(view.record->events.empty());
    BOOST_TEST(server.counts().bytes < bound);
    view.resume();
    view.resume();
    settle();
    check_all(*view.record);
}

BOOST_FIXTURE_TEST_CASE(terminals_wait_for_the_end_of_a_pause, Fixture) {
    for (const bool fails : {false, true}) {
        server.next_request().body(R"({"rows":[{"id":"a"},{"id":"b"}]})").cut_after_bytes(fails ? 22 : 1000);
        Recorder view(client);
        view.in_rows = [&] {
            view.pause();
            return succeed();
        };
        auto outcome = view.start();
        pass(1min);
        BOOST_TEST(view.record->events.size() == 1U);
        no_result(outcome);
        view.resume();
        settle();
        BOOST_TEST(view.record->terminals() == (fails ? "error done " : "done "));
        BOOST_TEST(outcome.take().has_value() == !fails);
    }
}

BOOST_FIXTURE_TEST_CASE(pausing_and_resuming_in_the_handler_changes_nothing, Fixture) {
    Recorder view(client);
    view.in_rows = [&] {
        view.pause();
        view.resume();
        return succeed();
    };
    auto outcome = view.start();
    settle();
    check_all(*view.record);
}

BOOST_FIXTURE_TEST_CASE(a_pause_outlasts_the_handler, Fixture) {
    Gate gate;
    Recorder view(client);
    view.in_rows = [&] { return view.record->batches.size() == 1 ? gate.wait() : succeed(); };
    auto outcome = view.start();
    settle();
    view.pause();
    gate.open();
    pass(1h);
    BOOST_TEST(view.record->batches.size() == 1U);
    view.resume();
    view.pause();
    pass(1h);
    BOOST_TEST(view.record->batches.size() == 1U);
    view.resume();
    settle();
    check_all(*view.record);
}

BOOST_FIXTURE_TEST_CASE(a_resume_does_not_hurry_the_handler, Fixture) {
    Gate gate;
    Recorder view(client);
    view.in_rows = [&] { return gate.wait(); };
    auto outcome = view.start();
    settle();
    view.pause();
    view.resume();
    settle();
    BOOST_TEST(gate.waits == 1);
    view.cancel();
}

BOOST_FIXTURE_TEST_CASE(rows_that_are_kept_do_not_hold_the_stream_up, Fixture) {
    // Moving batches away is allowed; only the handler's Deferred makes the stream wait.
    struct Keeper final : AsyncViewBase {
        using AsyncViewBase::AsyncViewBase;
        std::vector<Rows> kept;
        Deferred<> on_rows(Rows rows) override {
            kept.push_back(std::move(rows));
            return {};
        }
    };
    Keeper view(client, {"d", "v"});
    auto outcome = view.start();
    settle();
    success_of(outcome);
    int number = 0;
    for (const auto& rows : view.kept)
        for (const auto& row : rows)
            BOOST_REQUIRE(row.id() == doc_id(number++));
    BOOST_TEST(number == many);
}

BOOST_FIXTURE_TEST_CASE(connecting_may_take_so_long, Fixture) {
    network.set_unresponsive({"couch", 5984}, true);
    auto timeouts = none();
    timeouts.connect = 10s;
    Recorder view(client, {}, with(timeouts));
    auto outcome = view.start();
    pass(9s);
    no_result(outcome);
    pass(1s);
    failure_of<ConnectTimeout>(outcome);
    BOOST_TEST(view.record->terminals() == "error done ");
}

BOOST_FIXTURE_TEST_CASE(the_first_byte_may_take_so_long, Fixture) {
    server.every_request().stall();
    auto timeouts = none();
    timeouts.first_byte = 300s;
    timeouts.idle = 1s;
    Recorder view(client, {}, with(timeouts));
    auto outcome = view.start();
    pass(299s);
    no_result(outcome);
    pass(1s);
    BOOST_TEST((failure_of<ViewTimeout>(outcome).waiting() == ViewTimeout::Waiting::first_byte));
    settle();
    BOOST_TEST(network.open_connections() == 0U);
}

BOOST_FIXTURE_TEST_CASE(silence_in_the_middle_may_take_so_long, Fixture) {
    server.every_request().stall_after_rows(100);
    auto timeouts = none();
    timeouts.first_byte = 1s;
    timeouts.idle = 75s;
    Recorder view(client, {}, with(timeouts));
    auto outcome = view.start();
    pass(74s);
    no_result(outcome);
    BOOST_TEST(view.rows_returned() == 100U);
    pass(1s);
    const auto late = failure_of<ViewTimeout>(outcome);
    BOOST_TEST((late.waiting() == ViewTimeout::Waiting::idle));
    BOOST_TEST(late.rows() == 100U);
    BOOST_TEST(view.record->terminals() == "error done ");
}

BOOST_FIXTURE_TEST_CASE(idle_time_does_not_run_while_the_handler_or_a_pause_holds_the_stream, Fixture) {
    auto timeouts = none();
    timeouts.idle = 75s;
    Gate gate;
    Recorder view(client, {}, with(timeouts));
    view.in_rows = [&] { return view.record->batches.size() == 1 ? gate.wait() : succeed(); };
    auto outcome = view.start();
    pass(1h);
    no_result(outcome);
    view.pause();
    gate.open();
    pass(1h);
    no_result(outcome);
    view.resume();
    settle();
    check_all(*view.record);
}

BOOST_FIXTURE_TEST_CASE(the_total_counts_whatever_happens, Fixture) {
    auto timeouts = none();
    timeouts.total = 60s;
    Recorder view(client, {}, with(timeouts));
    view.in_rows = [&] {
        view.pause();
        return succeed();
    };
    auto outcome = view.start();
    pass(59s);
    no_result(outcome);
    pass(1s);
    const auto late = failure_of<ViewTimeout>(outcome);
    BOOST_TEST((late.waiting() == ViewTimeout::Waiting::total));
    BOOST_TEST(late.rows() == view.record->ids.size());
    settle();
    BOOST_TEST(network.open_connections() == 0U);
}

BOOST_FIXTURE_TEST_CASE(the_total_ends_a_handler_that_never_answers, Fixture) {
    auto timeouts = none();
    timeouts.total = 60s;
    Gate gate;
    Recorder view(client, {}, with(timeouts));
    view.in_rows = [&] { return gate.wait(); };
    auto outcome = view.start();
    pass(60s);
    failure_of<ViewTimeout>(outcome);
    BOOST_TEST(gate.dropped == 1);
}

BOOST_FIXTURE_TEST_CASE(a_stream_that_has_ended_leaves_no_timers, Fixture) {
    const auto before = clock.pending_calls();
    ViewTimeouts timeouts{1s, 2s, 3s, 4s};
    Recorder view(client, {}, with(timeouts));
    auto outcome = view.start();
    settle();
    success_of(outcome);
    BOOST_TEST(clock.pending_calls() == before);
}
