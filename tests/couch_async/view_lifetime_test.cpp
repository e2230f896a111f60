// Streams that are cancelled, dropped and destroyed: at any time, from any callback.
#define BOOST_TEST_MODULE view_lifetime
#include <boost/test/unit_test.hpp>

#include "plait/deferred/testing/caught_reports.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/tests/couch_async/view_world.hpp"

using namespace plait;
using namespace plait::couch_async;
using namespace plait::couch_async::testing;

namespace {

struct Fixture : World {
    Fixture() { server.add_view("db", "d", "v", numbered(5000, 100)); }

    std::unique_ptr<Recorder> view = std::make_unique<Recorder>(client);
    std::shared_ptr<Record> record = view->record;
    Gate gate;

    void check_gone() {
        const auto events = record->events.size();
        settle();
        pass(1h);
        BOOST_TEST(record->events.size() == events);
        BOOST_TEST(network.open_connections() == 0U);
        BOOST_TEST(server.counts().open_connections == 0U);
    }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(cancelling_ends_it_at_once_and_silently, Fixture) {
    view->in_rows = [&] { return gate.wait(); };
    auto outcome = view->start();
    settle();
    const auto bytes = server.counts().bytes;
    view->cancel();
    failure_of<Cancelled>(outcome);
    BOOST_TEST(gate.dropped == 1);
    BOOST_TEST(!view->running());
    view->cancel();
    check_gone();
    BOOST_TEST(server.counts().bytes < bytes + 128U * 1024U);
    BOOST_TEST(record->terminals() == "");
}

BOOST_FIXTURE_TEST_CASE(cancelling_before_start_does_nothing, Fixture) {
    view->cancel();
    auto outcome = view->start();
    settle();
    success_of(outcome);
    view->cancel();
    BOOST_TEST(record->terminals() == "done ");
}

BOOST_FIXTURE_TEST_CASE(cancelling_at_any_step_of_the_connection_leaves_nothing, Fixture) {
    network.set_bytes_per_step(50);
    for (int steps = 0; steps < 40; ++steps) {
        Recorder stepped(client);
        auto outcome = stepped.start();
        for (int i = 0; i < steps; ++i)
            network.pump();
        stepped.cancel();
        failure_of<Cancelled>(outcome);
        settle();
        BOOST_REQUIRE(network.open_connections() == 0U);
    }
}

BOOST_FIXTURE_TEST_CASE(destroying_at_any_step_of_the_connection_leaves_nothing, Fixture) {
    network.set_bytes_per_step(50);
    for (int steps = 0; steps < 40; ++steps) {
        auto stepped = std::make_unique<Recorder>(client);
        auto outcome = stepped->start();
        for (int i = 0; i < steps; ++i)
            network.pump();
        stepped.reset();
        failure_of<Cancelled>(outcome);
        settle();
        BOOST_REQUIRE(network.open_connections() == 0U);
    }
}

BOOST_FIXTURE_TEST_CASE(cancelling_the_deferred_cancels_the_stream, Fixture) {
    view->in_rows = [&] { return gate.wait(); };
    auto outcome = view->start();
    settle();
    outcome.cancel();
    failure_of<Cancelled>(outcome);
    BOOST_TEST(!view->running());
    check_gone();
    BOOST_TEST(record->terminals() == "");
}

BOOST_FIXTURE_TEST_CASE(dropping_the_deferred_cancels_the_stream, Fixture) {
    view->in_rows = [&] { return gate.wait(); };
    bool told = false;
    auto outcome = view->start().add_both([&](const Result<ViewMeta>&) { told = true; });
    settle();
    outcome = {};
    BOOST_TEST(!told);
    BOOST_TEST(!view->running());
    BOOST_TEST(gate.dropped == 1);
    check_gone();
}

BOOST_FIXTURE_TEST_CASE(a_detached_stream_runs_on, Fixture) {
    int failures = 0;
    view->start().detach([&](const Failure&) { ++failures; });
    settle();
    BOOST_TEST(record->terminals() == "done ");
    BOOST_TEST(failures == 0);
}

BOOST_FIXTURE_TEST_CASE(cancel_in_on_rows, Fixture) {
    for (const bool wait : {false, true}) {
        Recorder cancelling(client);
        cancelling.in_rows = [&] {
            cancelling.cancel();
            return wait ? gate.wait() : succeed();
        };
        auto outcome = cancelling.start();
        settle();
        failure_of<Cancelled>(outcome);
        BOOST_TEST((cancelling.record->events == std::vector<std::string>{"rows"}));
    }
    BOOST_TEST(gate.dropped == 1);
    check_gone();
}

BOOST_FIXTURE_TEST_CASE(a_failure_after_cancel_in_on_rows_is_reported, Fixture) {
    // Nobody waits for it any more; it must not be lost in silence.
    plait::testing::CaughtReports reports;
    view->in_rows = [&] {
        view->cancel();
        return fail(std::runtime_error("too late"));
    };
    auto outcome = view->start();
    settle();
    failure_of<Cancelled>(outcome);
    reports.expect(1);
}

BOOST_FIXTURE_TEST_CASE(cancel_in_on_error_takes_on_done_back, Fixture) {
    server.next_request().cut_after_rows(3);
    view->in_error = [&] { view->cancel(); };
    auto outcome = view->start();
    settle();
    BOOST_TEST(record->terminals() == "error ");
    failure_of<TruncatedBody>(outcome);
    check_gone();
}

BOOST_FIXTURE_TEST_CASE(cancel_in_on_done_is_too_late, Fixture) {
    view->in_done = [&] { view->cancel(); };
    auto outcome = view->start();
    settle();
    success_of(outcome);
    check_gone();
}

BOOST_FIXTURE_TEST_CASE(destroyed_in_on_rows, Fixture) {
    for (const bool wait : {false, true}) {
        auto dying = std::make_unique<Recorder>(client);
        const auto kept = dying->record;
        dying->in_rows = [&] {
            dying.reset();
            return wait ? gate.wait() : succeed();
        };
        auto outcome = dying->start();
        settle();
        failure_of<Cancelled>(outcome);
        BOOST_TEST((kept->events == std::vector<std::string>{"rows"}));
    }
    BOOST_TEST(gate.dropped == 1);
    check_gone();
}

BOOST_FIXTURE_TEST_CASE(destroyed_in_on_rows_that_throws, Fixture) {
    view->in_rows = [&]() -> Deferred<> {
        view.reset();
        throw std::runtime_error("unheard");
    };
    plait::testing::CaughtReports reports;
    auto outcome = view->start();
    settle();
    failure_of<Cancelled>(outcome);
    reports.expect(1);
    check_gone();
}

BOOST_FIXTURE_TEST_CASE(destroyed_in_on_error, Fixture) {
    server.next_request().cut_after_rows(3);
    view->in_error = [&] { view.reset(); };
    auto outcome = view->start();
    settle();
    BOOST_TEST(record->terminals() == "error ");
    failure_of<TruncatedBody>(outcome);
    check_gone();
}

BOOST_FIXTURE_TEST_CASE(destroyed_in_on_done, Fixture) {
    for (const bool fails : {false, true}) {
        if (fails) server.next_request().cut_after_rows(3);
        auto dying = std::make_unique<Recorder>(client);
        const auto kept = dying->record;
        dying->in_done = [&] { dying.reset(); };
        auto outcome = dying->start();
        settle();
        BOOST_TEST(outcome.take().has_value() == !fails);
        BOOST_TEST(kept->terminals() == (fails ? "error done " : "done "));
    }
    check_gone();
}

BOOST_FIXTURE_TEST_CASE(destroyed_in_the_deferreds_callback, Fixture) {
    auto finished = view->start().add_both([&](const Result<ViewMeta>&) { view.reset(); });
    settle();
    BOOST_TEST(finished.ready());
    BOOST_TEST(view == nullptr);
    BOOST_TEST(record->terminals() == "done ");
}

BOOST_FIXTURE_TEST_CASE(destroyed_in_the_deferreds_callback_on_cancel, Fixture) {
    auto finished = view->start().add_both([&](const Result<ViewMeta>&) { view.reset(); });
    settle();
    if (view) {
        view->cancel();
    }
    BOOST_TEST(view == nullptr);
    check_gone();
}

BOOST_FIXTURE_TEST_CASE(destroyed_while_the_handler_waits, Fixture) {
    view->in_rows = [&] { return gate.wait(); };
    auto outcome = view->start();
    settle();
    view.reset();
    BOOST_TEST(gate.dropped == 1);
    failure_of<Cancelled>(outcome);
    check_gone();
}

BOOST_FIXTURE_TEST_CASE(destroyed_when_its_handler_goes_on, Fixture) {
    int batches = 0;
    view->in_rows = [&] {
        if (++batches == 2) view.reset();
        return batches == 1 ? gate.wait() : succeed();
    };
    auto outcome = view->start();
    settle();
    gate.open();  // on_rows() is called from inside this, and destroys the view
    settle();
    BOOST_TEST(view == nullptr);
    failure_of<Cancelled>(outcome);
    check_gone();
}

BOOST_FIXTURE_TEST_CASE(destroyed_while_paused_and_about_to_resume, Fixture) {
    view->in_rows = [&] {
        view->pause();
        return succeed();
    };
    auto outcome = view->start();
    settle();
    view->resume();
    view.reset();
    check_gone();
}

BOOST_FIXTURE_TEST_CASE(a_stream_never_started_just_goes, Fixture) {
    view.reset();
    check_gone();
    BOOST_TEST(network.attempts() == 0U);
}

BOOST_FIXTURE_TEST_CASE(the_client_may_go_first, Fixture) {
    std::unique_ptr<Recorder> orphan;
    {
        ViewClient brief(clock, network.connector(), "http://couch:5984/db");
        orphan = std::make_unique<Recorder>(brief);
    }
    auto outcome = orphan->start();
    settle();
    success_of(outcome);
}

BOOST_FIXTURE_TEST_CASE(a_dying_server_is_an_error, Fixture) {
    view->in_rows = [&] { return record->batches.size() == 1 ? gate.wait() : succeed(); };
    auto outcome = view->start();
    settle();
    network.break_connections({"couch", 5984});
    settle();
    no_result(outcome);  // the handler has the word
    gate.open();
    settle();
    failure_of<TruncatedBody>(outcome);
    BOOST_TEST(record->terminals() == "error done ");
}

BOOST_FIXTURE_TEST_CASE(a_coroutine_may_be_the_handler, Fixture) {
    struct Slow final : AsyncViewBase {
        Slow(const ViewClient& client, Clock& clock) : AsyncViewBase(client, {"d", "v"}), clock_(clock) {}
        ~Slow() override { cancel(); }
        Deferred<> on_rows(Rows rows) override {
            auto pause = clock_.sleep(1s);
            co_await std::move(pause);
            taken += rows.size();
        }
        Clock& clock_;
        std::size_t taken = 0;
    };
    auto slow = std::make_unique<Slow>(client, clock);
    auto outcome = slow->start();
    for (int i = 0; i < 200; ++i)
        pass(1s);
    success_of(outcome);
    BOOST_TEST(slow->taken == 5000U);

    slow = std::make_unique<Slow>(client, clock);
    auto second = slow->start();
    pass(1s);
    slow.reset();  // in the middle of a co_await
    failure_of<Cancelled>(second);
    check_gone();
}
