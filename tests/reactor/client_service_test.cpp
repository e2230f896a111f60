// ClientService: when it connects, how long it waits, what it tells, and what survives its end.
#define BOOST_TEST_MODULE client_service
#include "plait/reactor/client_service.hpp"

#include <boost/test/unit_test.hpp>

#include "plait/deferred/testing/caught_reports.hpp"
#include "plait/tests/reactor/client_service_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;
using State = ClientService::State;

namespace plait {
std::ostream& operator<<(std::ostream& stream, ClientService::State state) {
    return stream << name_of(state);
}
}  // namespace plait

using Fixture = ClientServiceFixture;

BOOST_FIXTURE_TEST_CASE(delays_grow_to_the_cap_and_no_further, Fixture) {
    auto service = make();
    service->start();
    std::vector<std::size_t> attempts;
    for (const Duration delay : std::vector<Duration>{0s, 1s, 2s, 4s, 8s, 8s}) {
        clock.advance(delay > 0s ? delay - 1ns : 0s);
        network.flush();
        attempts.push_back(network.attempts());
        clock.advance(delay > 0s ? 1ns : 0s);
        network.flush();
        attempts.push_back(network.attempts());
    }
    BOOST_TEST(attempts == (std::vector<std::size_t>{1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6}),
               boost::test_tools::per_element());
    BOOST_TEST(service->failures() == 6u);
}

BOOST_FIXTURE_TEST_CASE(jittered_delays_stay_within_the_cap_and_differ, Fixture) {
    ClientServiceOptions options;
    options.backoff = {.initial = 1s, .factor = 3, .cap = 10s, .jitter = 0.5, .seed = 7};
    auto service = make(options);
    service->start();
    network.flush();
    std::vector<Duration> delays;
    for (int i = 0; i < 40; ++i) {
        const TimePoint before = clock.now();
        const std::size_t attempts = network.attempts();
        while (network.attempts() == attempts)
            clock.advance(50ms);
        delays.push_back(clock.now() - before);
        network.flush();
    }
    std::sort(delays.begin(), delays.end());
    BOOST_TEST((delays.back() <= 10s));
    BOOST_TEST((delays[20] >= 5s));  // half of the cap, at the least
    BOOST_TEST((std::unique(delays.begin(), delays.end()) - delays.begin() > 10));
}

BOOST_FIXTURE_TEST_CASE(the_delay_may_be_chosen_by_a_function, Fixture) {
    CaughtReports reports;
    std::vector<std::uint32_t> asked;
    ClientServiceOptions options = plain();
    options.delay = [&](std::uint32_t failures) -> Duration {
        asked.push_back(failures);
        if (failures == 3) throw Error("no idea");
        return failures == 1 ? -5s : 100s;
    };
    auto service = make(options);
    service->start();
    network.flush();
    clock.advance(0s);
    network.flush();
    BOOST_TEST(network.attempts() == 2u);
    clock.advance(100s);
    network.flush();
    BOOST_TEST(network.attempts() == 3u);
    BOOST_TEST(service->state() == State::waiting);
    reports.expect(1);
    clock.advance(1s);  // what the policy says instead
    BOOST_TEST(network.attempts() == 4u);
    BOOST_TEST(asked == (std::vector<std::uint32_t>{1, 2, 3}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(success_resets_the_delay, Fixture) {
    auto service = make();
    service->start();
    for (const Duration delay : {0s, 1s, 2s}) {
        clock.advance(delay);
        network.flush();
    }
    server_up();
    clock.advance(4s);
    network.flush();
    BOOST_TEST(service->state() == State::connected);
    BOOST_TEST(service->failures() == 0u);
    lose();
    BOOST_TEST(service->state() == State::waiting);
    clock.advance(1s);
    network.flush();
    BOOST_TEST(service->state() == State::connected);
}

BOOST_FIXTURE_TEST_CASE(a_connection_that_does_not_last_resets_nothing_if_so_wanted, Fixture) {
    ClientServiceOptions options = plain();
    options.steady_after = 10s;
    auto service = make_connected(options);
    for (const Duration delay : {1s, 2s, 4s, 8s}) {
        lose();
        BOOST_TEST(service->state() == State::waiting);
        clock.advance(delay - 1ns);
        BOOST_TEST(service->state() == State::waiting);
        clock.advance(1ns);
        network.flush();
        BOOST_TEST(service->state() == State::connected);
    }
    clock.advance(10s);
    lose();
    clock.advance(1s);
    network.flush();
    BOOST_TEST(service->state() == State::connected);
}

BOOST_FIXTURE_TEST_CASE(stopped_and_started_again_it_has_forgotten_its_failures, Fixture) {
    for (const bool while_stopping : {false, true}) {
        ClientServiceOptions options = plain();
        options.steady_after = 1h;
        server_up();
        auto service = make_connected(options);
        for (const Duration delay : {1s, 2s, 4s}) {
            lose();
            clock.advance(delay);
            network.flush();
        }
        BOOST_TEST(service->state() == State::connected);
        BOOST_TEST(service->failures() == 3u);
        auto stopped = service->stop();
        if (while_stopping) service->start();
        server_down();
        network.flush();
        success_of(stopped);
        if (!while_stopping) service->start();
        network.flush();
        BOOST_TEST(service->state() == State::waiting);
        BOOST_TEST(service->failures() == 1u);
        server_up();
        clock.advance(1s);
        network.flush();
        BOOST_TEST(service->state() == State::connected);
    }
}

BOOST_FIXTURE_TEST_CASE(an_immediate_loss_is_followed_by_a_delay, Fixture) {
    network.listen(where, make_factory([](const Address&) { return nullptr; }));  // accepts, and closes
    auto service = make();
    service->start();
    network.flush();
    BOOST_TEST(service->state() == State::waiting);
    BOOST_TEST(network.attempts() == 1u);
    clock.advance(999ms);
    BOOST_TEST(network.attempts() == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_protocol_that_closes_in_connection_made_counts_as_a_loss, Fixture) {
    prepare = [](Recorder& client) { client.when_made = [](Recorder& r) { r.transport().abort_connection(); }; };
    auto service = make_connected();
    BOOST_TEST(service->state() == State::waiting);
    BOOST_TEST(network.attempts() == 1u);
}

BOOST_FIXTURE_TEST_CASE(stop_aborts_a_connection_that_does_not_end, Fixture) {
    struct Busy final : Producer {
        void pause_producing() override {}
        void resume_producing() override {}
        void stop_producing() override {}
    } producer;
    auto service = make_connected();
    clients[0]->transport().register_producer(producer);  // closing waits for it
    auto done = service->stop();
    network.flush();
    BOOST_TEST(!done.ready());
    clock.advance(10s);
    network.flush();
    success_of(done);
    BOOST_TEST(clients[0]->story() == "made lost: aborted");
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_FIXTURE_TEST_CASE(waiters_may_be_dropped_and_cancelled, Fixture) {
    auto service = make();
    service->start();
    auto dropped = service->when_connected();
    auto cancelled = service->when_connected(1);
    auto kept = service->when_connected(1);
    dropped = {};
    cancelled.cancel();
    failure_of<Cancelled>(cancelled);
    for (int i = 0; i < 1000; ++i)
        static_cast<void>(service->when_connected());
    network.flush();
    failure_of<ConnectionRefused>(kept);
}

BOOST_FIXTURE_TEST_CASE(destroyed_it_fails_what_waits_and_closes_what_is_open, Fixture) {
    auto service = make();
    auto waits = service->when_connected();
    service->start();
    service.reset();
    failure_of<Destroyed>(waits);
    network.flush();
    BOOST_TEST(clock.pending_calls() == 0u);
    BOOST_TEST(clients.at(0)->story() == "");

    service = make_connected();
    auto stopping = service->stop();
    service.reset();
    failure_of<Destroyed>(stopping);
    network.flush();
    BOOST_TEST(clients.at(1)->story() == "made lost: done");
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_FIXTURE_TEST_CASE(it_may_be_destroyed_from_whatever_it_calls, Fixture) {
    // from prepare_connection, in an attempt that waits and in one that fails
    for (const bool throws : {false, true}) {
        CaughtReports reports;
        std::unique_ptr<ClientService> service;
        ClientServiceOptions options = plain();
        options.prepare_connection = [&](Protocol&) -> Deferred<> {
            service.reset();
            if (throws) throw Error("given up");
            return succeed();
        };
        server_up();
        service = make(options);
        service->start();
        network.flush();
        BOOST_TEST(service == nullptr);
        reports.expect(throws ? 1 : 0);  // nobody is left to be told
    }
    {  // from the callback of one that waits for the connection
        server_up();
        auto service = make();
        auto waits = service->when_connected().add_callback([&](std::shared_ptr<Protocol>) { service.reset(); });
        service->start();
        network.flush();
        success_of(waits);
    }
    {  // from that of one that waits for failures
        server_down();
        auto service = make();
        auto waits = service->when_connected(1).add_errback([&](const Failure&) {
            service.reset();
            return std::shared_ptr<Protocol>();
        });
        service->start();
        network.flush();
        success_of(waits);
    }
    {  // when it stops
        auto service = make_connected();
        auto done = service->stop().add_callback([&] { service.reset(); });
        network.flush();
        success_of(done);
    }
    {  // by the protocol, at its end
        auto service = make_connected();
        clients.back()->when_lost = [&](Recorder&) { service.reset(); };
        lose();
        BOOST_TEST(service == nullptr);
    }
    {  // by the factory
        std::unique_ptr<ClientService> service;
        prepare = [&](Recorder&) { service.reset(); };
        server_up();
        service = make();
        service->start();
        network.flush();
        BOOST_TEST(service == nullptr);
    }
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_FIXTURE_TEST_CASE(what_the_factory_throws_is_a_failed_attempt, Fixture) {
    prepare = [](Recorder&) { throw Error("no protocol today"); };
    auto service = make();
    service->start();
    auto connected = service->when_connected(1);
    BOOST_TEST(service->state() == State::waiting);
    clock.advance(1s);
    BOOST_TEST(failure_of<Error>(connected).what() == "no protocol today");
}

BOOST_FIXTURE_TEST_CASE(a_policy_that_makes_no_sense_is_refused, Fixture) {
    ClientServiceOptions options;
    options.backoff.factor = 0.5;
    BOOST_CHECK_THROW(make(options), UsageError);
    BOOST_CHECK_THROW(static_cast<void>(make()->when_connected(0)), UsageError);
}

BOOST_FIXTURE_TEST_CASE(stopped_inside_connection_made_it_closes_what_was_just_made, Fixture) {
    server_up();
    std::unique_ptr<ClientService> service;
    prepare = [&](Recorder& recorder) {
        recorder.when_made = [&](Recorder&) { service->stop().detach([](const Failure&) {}); };
    };
    service = make();
    service->start();
    network.flush();
    BOOST_TEST(service->state() == State::stopped);
    BOOST_TEST(network.open_connections() == 0u);
}

BOOST_FIXTURE_TEST_CASE(stopped_by_the_factory_it_stays_stopped, Fixture) {
    server_up();
    for (const bool throws : {false, true}) {
        std::unique_ptr<ClientService> service;
        prepare = [&](Recorder&) {
            service->stop().detach([](const Failure&) {});
            if (throws) throw Error("and no protocol");
        };
        service = make();
        service->start();
        network.flush();
        BOOST_TEST(service->state() == State::stopped);
        BOOST_TEST(network.open_connections() == 0u);
        BOOST_TEST(clients.back()->story() == "");
        BOOST_TEST(clock.pending_calls() == 0u);
    }
}

BOOST_FIXTURE_TEST_CASE(the_patience_of_a_stop_does_not_reach_into_the_restart, Fixture) {
    auto service = make_connected();
    auto stopped = service->stop();
    service->start();
    network.flush();
    success_of(stopped);
    BOOST_TEST(service->state() == State::connected);
    clock.advance(1h);
    network.flush();
    BOOST_TEST(service->state() == State::connected);
    BOOST_TEST(clients.back()->story() == "made");
}

BOOST_FIXTURE_TEST_CASE(a_protocol_without_a_connection_is_a_failed_attempt, Fixture) {
    struct Odd final : ClientEndpoint {
        Promise<std::shared_ptr<Protocol>> promise;
        Deferred<std::shared_ptr<Protocol>> connect(std::shared_ptr<Factory>) override {
            auto [deferred, fired] = make_deferred<std::shared_ptr<Protocol>>();
            promise = std::move(fired);
            return std::move(deferred);
        }
    };
    const auto odd = std::make_shared<Odd>();
    ClientService service(clock, odd, factory, plain());
    service.start();
    auto lost = service.when_connected(1);
    odd->promise.callback(std::make_shared<Recorder>());  // it was lost before anybody was told
    failure_of<ConnectionLost>(lost);
    BOOST_TEST(service.state() == State::waiting);
    clock.advance(1s);
    auto none = service.when_connected(1);
    odd->promise.callback(nullptr);
    failure_of<ConnectError>(none);
    BOOST_TEST(service.state() == State::waiting);
}

BOOST_FIXTURE_TEST_CASE(destroyed_inside_connection_made_it_closes_what_was_just_made, Fixture) {
    server_up();
    std::unique_ptr<ClientService> service;
    prepare = [&](Recorder& recorder) { recorder.when_made = [&](Recorder&) { service.reset(); }; };
    service = make();
    service->start();
    network.flush();
    BOOST_TEST(network.open_connections() == 0u);
}

BOOST_FIXTURE_TEST_CASE(stopped_by_what_chooses_the_delay_it_stays_stopped, Fixture) {
    std::unique_ptr<ClientService> service;
    ClientServiceOptions options = plain();
    options.delay = [&](std::uint32_t) -> Duration {
        service->stop().detach([](const Failure&) {});
        return 1s;
    };
    service = make(options);
    service->start();
    network.flush();
    clock.advance(10s);
    network.flush();
    BOOST_TEST(service->state() == State::stopped);
    BOOST_TEST(network.attempts() == 1u);
    BOOST_TEST(clock.pending_calls() == 0u);
}

// --- losses that come late

BOOST_FIXTURE_TEST_CASE(the_late_loss_of_what_a_failed_attempt_left_does_not_end_the_next_one, Fixture) {
    server_up();
    std::vector<Promise<>> preparing;
    ClientServiceOptions options = plain();
    options.prepare_connection = [&](Protocol&) {
        auto [deferred, promise] = make_deferred<>();
        preparing.push_back(std::move(promise));
        return std::move(deferred);
    };
    auto service = make(options);
    service->start();
    auto connected = service->when_connected(2);
    network.flush();
    preparing.at(0).errback(Error("not logged in"));
    clock.advance(1s);  // the next attempt, and the network has not carried the end of the first one yet
    BOOST_TEST(service->state() == State::connecting);
    BOOST_TEST(clients.at(0)->story() == "made");
    while (preparing.size() < 2)
        BOOST_REQUIRE(network.pump());
    network.flush();
    BOOST_TEST(clients.at(0)->story() == "made lost: aborted");
    BOOST_TEST(service->state() == State::connecting);
    preparing.at(1).callback();
    BOOST_TEST((success_of(connected) == clients.at(1)));
    BOOST_TEST(service->state() == State::connected);
    BOOST_TEST(clients.at(1)->story() == "made");
    BOOST_TEST(network.attempts() == 2u);
}

BOOST_FIXTURE_TEST_CASE(a_loss_after_stop_was_asked_ends_it_and_leads_to_no_attempt, Fixture) {
    for (const bool asked_twice : {false, true}) {
        auto service = make_connected();
        const std::size_t attempts = network.attempts();
        clock.advance(1h);
        auto stopped = service->stop();
        if (asked_twice) {
            service->start();
            static_cast<void>(service->stop());
        }
        BOOST_TEST(service->state() == State::disconnecting);
        lose();
        success_of(stopped);
        BOOST_TEST(service->state() == State::stopped);
        BOOST_TEST(clock.pending_calls() == 0u);
        clock.advance(1h);
        network.flush();
        BOOST_TEST(network.attempts() == attempts);
        failure_of<Cancelled>(service->when_connected());
    }
}

BOOST_FIXTURE_TEST_CASE(a_loss_after_stop_and_start_were_asked_leads_to_one_attempt_at_once, Fixture) {
    auto service = make_connected();
    clock.advance(1h);
    auto stopped = service->stop();
    service->start();
    BOOST_TEST(service->state() == State::restarting);
    lose();
    success_of(stopped);
    BOOST_TEST(service->state() == State::connected);
    BOOST_TEST(network.attempts() == 2u);
    BOOST_TEST(service->failures() == 0u);
    clock.advance(1h);
    network.flush();
    BOOST_TEST(network.attempts() == 2u);
}

BOOST_FIXTURE_TEST_CASE(a_connection_lost_long_after_it_was_made_is_made_again_after_the_first_delay, Fixture) {
    auto service = make_connected();
    clock.advance(1h);
    server_down();
    lose();
    BOOST_TEST(service->state() == State::waiting);
    auto next = service->when_connected();
    clock.advance(1s);
    network.flush();
    BOOST_TEST(service->failures() == 2u);  // the loss, and the attempt that was refused
    server_up();
    clock.advance(2s);
    network.flush();
    BOOST_TEST((success_of(next) == clients.back()));
    BOOST_TEST(service->failures() == 0u);
}

BOOST_FIXTURE_TEST_CASE(the_late_loss_of_a_connection_reaches_no_service_that_is_gone, Fixture) {
    auto service = make_connected();
    service.reset();  // closes it, and waits for nothing
    clock.advance(1h);
    BOOST_TEST(clients.at(0)->story() == "made");
    network.flush();
    BOOST_TEST(clients.at(0)->story() == "made lost: done");
    BOOST_TEST(network.attempts() == 1u);
}
