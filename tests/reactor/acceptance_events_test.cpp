// What Twisted's own tests demand of system events and of shutdown, by their names there.
#define BOOST_TEST_MODULE reactor_acceptance_events
#include <boost/test/unit_test.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "plait/deferred/context.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/metrics.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/tcp.hpp"
#include "plait/tests/reactor/recorder.hpp"
#include "plait/tests/reactor/reports.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

const ContextKey<std::string> request_id{"request"};

constexpr EventPhase before = EventPhase::before;
constexpr EventPhase during = EventPhase::during;
constexpr EventPhase after = EventPhase::after;

/// An event of our own, and what was told of it.
struct OwnEvent {
    Reactor reactor;
    std::string told;
    std::vector<SystemEventTrigger> triggers;
    std::vector<Promise<>> promises;

    /// Returns: its place in `triggers`.
    std::size_t add(EventPhase phase, char letter) {
        return add(phase, [this, letter] { told += letter; });
    }
    template <typename F>
    std::size_t add(EventPhase phase, F function) {
        triggers.push_back(reactor.add_system_event_trigger(phase, "test", std::move(function)));
        return triggers.size() - 1;
    }
    Deferred<> wait(char letter) {
        told += letter;
        auto pair = make_deferred<>();
        promises.push_back(std::move(pair.promise));
        return std::move(pair.deferred);
    }
    void fire() { reactor.fire_system_event("test"); }
    void settle() { reactor.run_until(reactor.sleep(0ms)); }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(three_phase_event_order, OwnEvent) {
    add(after, '5');
    add(during, '3');
    add(before, '1');
    add(before, '2');
    add(during, '4');
    add(after, '6');
    fire();
    BOOST_TEST(told == "123456");
    fire();
    BOOST_TEST(told == "123456");  // each once
}

BOOST_FIXTURE_TEST_CASE(three_phase_event_before_waits_for_all_deferreds, OwnEvent) {
    add(before, [this] { return wait('a'); });
    add(before, [this] { return wait('b'); });
    add(during, 'd');
    add(after, 'e');
    fire();
    BOOST_TEST(told == "ab");
    BOOST_CHECK_THROW(fire(), InvalidState);
    promises[1].callback();
    settle();
    BOOST_TEST(told == "ab");
    promises[0].callback();
    BOOST_TEST(told == "ab");  // not from inside whatever fired it
    settle();
    BOOST_TEST(told == "abde");
}

BOOST_FIXTURE_TEST_CASE(three_phase_event_a_failed_before_deferred_is_reported_and_does_not_block, OwnEvent) {
    const Reports reports;
    add(before, [this] { return wait('a'); });
    add(before, [] { return fail(std::runtime_error("at once")); });
    add(during, 'd');
    fire();
    BOOST_TEST(reports.count() == 1u);
    promises[0].errback(std::runtime_error("later"));
    settle();
    BOOST_TEST(told == "ad");
    BOOST_TEST(reports.count() == 2u);
}

BOOST_FIXTURE_TEST_CASE(three_phase_event_exceptions_are_logged_and_the_others_still_run, OwnEvent) {
    const Reports reports;
    for (const EventPhase phase : {before, during, after}) {
        add(phase, []() -> void { throw std::runtime_error("bad"); });
        add(phase, 'x');
    }
    fire();
    BOOST_TEST(told == "xxx");
    BOOST_TEST(reports.count() == 3u);
}

BOOST_FIXTURE_TEST_CASE(three_phase_event_deferreds_of_during_and_after_are_not_waited_for, OwnEvent) {
    add(during, [this] { return wait('d'); });
    add(after, [this] { return wait('a'); });
    fire();
    BOOST_TEST(told == "da");
    BOOST_TEST(promises[0].wanted());  // they run on
    promises[0].callback();
    const Reports reports;
    promises[1].errback(std::runtime_error("bad"));
    BOOST_TEST(reports.count() == 1u);
}

BOOST_FIXTURE_TEST_CASE(three_phase_event_removal, OwnEvent) {
    for (const EventPhase phase : {before, during, after}) {
        const auto removed = add(phase, 'x');
        add(phase, 'y');
        triggers[removed].remove();
        BOOST_TEST(!triggers[removed].active());
    }
    fire();
    BOOST_TEST(told == "yyy");
}

BOOST_FIXTURE_TEST_CASE(three_phase_event_remove_nonexistent_trigger, OwnEvent) {
    SystemEventTrigger none;
    BOOST_TEST(!none.active());
    BOOST_CHECK_THROW(none.remove(), InvalidState);
}

BOOST_FIXTURE_TEST_CASE(three_phase_event_remove_removed_trigger, OwnEvent) {
    const auto trigger = add(before, 'x');
    triggers[trigger].remove();
    BOOST_CHECK_THROW(triggers[trigger].remove(), InvalidState);
}

BOOST_FIXTURE_TEST_CASE(three_phase_event_removal_of_an_already_executed_trigger, OwnEvent) {
    const auto trigger = add(before, 'x');
    fire();
    BOOST_TEST(!triggers[trigger].active());
    BOOST_CHECK_THROW(triggers[trigger].remove(), InvalidState);
}

BOOST_FIXTURE_TEST_CASE(three_phase_event_removal_in_the_middle_of_each_phase, OwnEvent) {
    for (const EventPhase phase : {before, during, after}) {
        told.clear();
        triggers.clear();
        add(phase, '1');
        add(phase, [this] {
            told += '2';
            BOOST_CHECK_THROW(triggers[0].remove(), InvalidState);  // was called
            BOOST_CHECK_THROW(triggers[1].remove(), InvalidState);  // is being called
            triggers[2].remove();
        });
        add(phase, 'x');
        add(phase, '3');
        fire();
        BOOST_TEST(told == "123");
        fire();
        BOOST_TEST(told == "123");
    }
}

BOOST_FIXTURE_TEST_CASE(three_phase_event_a_trigger_may_remove_those_of_later_phases, OwnEvent) {
    add(before, [this] {
        triggers[1].remove();
        triggers[2].remove();
    });
    add(during, 'x');
    add(after, 'x');
    add(after, 'a');
    fire();
    BOOST_TEST(told == "a");
}

BOOST_FIXTURE_TEST_CASE(three_phase_event_removal_while_before_is_waited_for, OwnEvent) {
    add(before, [this] { return wait('b'); });
    add(during, 'x');
    add(after, 'a');
    fire();
    triggers[1].remove();
    promises[0].callback();
    settle();
    BOOST_TEST(told == "ba");
}

BOOST_FIXTURE_TEST_CASE(three_phase_event_a_trigger_may_add_others_of_its_phase_and_later_ones, OwnEvent) {
    for (const EventPhase phase : {before, during, after}) {
        told.clear();
        add(phase, [this, phase] {
            told += '1';
            add(phase, '2');
            add(after, '3');
        });
        fire();
        BOOST_TEST(told == "123");
    }
}

BOOST_FIXTURE_TEST_CASE(three_phase_event_one_added_to_a_phase_that_is_over_waits_for_the_next_time, OwnEvent) {
    add(after, [this] { add(before, 'x'); });
    fire();
    BOOST_TEST(told == "");
    fire();
    BOOST_TEST(told == "x");
}

BOOST_FIXTURE_TEST_CASE(a_trigger_that_is_dropped_is_removed_and_its_captures_with_it, OwnEvent) {
    auto witness = std::make_shared<int>();
    {
        const auto trigger = reactor.add_system_event_trigger(during, "test", [this, witness] { told += 'x'; });
        BOOST_TEST(witness.use_count() == 2);
    }
    BOOST_TEST(witness.use_count() == 1);
    reactor.add_system_event_trigger(during, "test", [this, witness] { told += 'd'; }).detach();
    fire();
    BOOST_TEST(told == "d");
    BOOST_TEST(witness.use_count() == 1);
}

BOOST_FIXTURE_TEST_CASE(a_trigger_may_be_owned_by_what_it_captures, OwnEvent) {
    struct Owner {
        SystemEventTrigger trigger;
    };
    auto owner = std::make_shared<Owner>();
    const std::weak_ptr<Owner> watched = owner;
    owner->trigger = reactor.add_system_event_trigger(during, "test", [owner, this] { told += 'x'; });
    owner.reset();
    fire();
    BOOST_TEST(told == "x");
    BOOST_TEST(watched.expired());

    owner = std::make_shared<Owner>();
    const std::weak_ptr<Owner> removed = owner;
    owner->trigger = reactor.add_system_event_trigger(during, "test", [owner] {});
    SystemEventTrigger& trigger = owner->trigger;
    owner.reset();
    trigger.remove();
    BOOST_TEST(removed.expired());
}

BOOST_AUTO_TEST_CASE(triggers_and_what_they_do_end_with_the_reactor) {
    auto witness = std::make_shared<int>();
    SystemEventTrigger trigger;
    bool dropped = false;
    std::optional<Promise<>> promise;
    {
        OwnEvent event;
        trigger = event.reactor.add_system_event_trigger(during, "test", [witness] {});
        event.reactor.add_system_event_trigger(after, "shutdown", [witness] {}).detach();
        event.add(before, [&] {
            auto pair = make_deferred<>([&] { dropped = true; });
            promise = std::move(pair.promise);
            return std::move(pair.deferred);
        });
        event.fire();
    }
    BOOST_TEST(witness.use_count() == 1);
    BOOST_TEST(!trigger.active());
    BOOST_TEST(dropped);
}

BOOST_FIXTURE_TEST_CASE(a_trigger_is_called_in_the_context_in_which_it_was_added, OwnEvent) {
    {
        const ContextScope scope(request_id, "a17");
        add(during, [this] { told += Context::current().fields(); });
    }
    add(during, [this] { told += "|" + Context::current().fields(); });
    const ContextScope other(request_id, "b18");
    fire();
    BOOST_TEST(told == "request=a17|");
}

BOOST_FIXTURE_TEST_CASE(startup_and_shutdown_are_fired_by_nobody_else, OwnEvent) {
    BOOST_CHECK_THROW(reactor.fire_system_event("startup"), InvalidState);
    BOOST_CHECK_THROW(reactor.fire_system_event("shutdown"), InvalidState);
    reactor.fire_system_event("nobody waits for this one");
}

// --- startup and shutdown

BOOST_AUTO_TEST_CASE(running_for_startup_events) {
    Reactor reactor;
    std::string running;
    const auto note = [&] { running += reactor.running() ? 'T' : 'F'; };
    for (const EventPhase phase : {before, during, after})
        reactor.add_system_event_trigger(phase, "startup", note).detach();
    for (const EventPhase phase : {before, during, after})
        reactor.add_system_event_trigger(phase, "shutdown", note).detach();
    reactor.call_when_running([&] { reactor.stop(); });
    reactor.run();
    BOOST_TEST(running == "FTTTTF");
}

BOOST_AUTO_TEST_CASE(shutdown_fires_triggers_asynchronously) {
    Reactor reactor;
    std::vector<std::string> order;
    reactor.add_system_event_trigger(before, "shutdown", [&] { order.emplace_back("before shutdown"); }).detach();
    reactor.call_when_running([&] {
        reactor.stop();
        order.emplace_back("stopped");
    });
    reactor.run();
    BOOST_TEST(order == (std::vector<std::string>{"stopped", "before shutdown"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(shutdown_waits_for_before_triggers_with_the_loop_running) {
    Reactor reactor;
    std::string told;
    reactor
        .add_system_event_trigger(before, "shutdown",
                                  [&]() -> Deferred<> {
                                      told += 'b';
                                      co_await reactor.sleep(1ms);
                                      told += 'B';
                                      BOOST_TEST(reactor.running());
                                  })
        .detach();
    reactor.add_system_event_trigger(during, "shutdown", [&] { told += 'd'; }).detach();
    reactor.call_when_running([&] { reactor.stop(); });
    reactor.run();
    BOOST_TEST(told == "bBd");
}

BOOST_AUTO_TEST_CASE(run_with_asynchronous_before_startup_trigger) {
    Reactor reactor;
    std::vector<std::string> order;
    Promise<> promise;
    reactor
        .add_system_event_trigger(before, "startup",
                                  [&] {
                                      order.emplace_back("before startup");
                                      auto pair = make_deferred<>();
                                      promise = std::move(pair.promise);
                                      return std::move(pair.deferred);
                                  })
        .detach();
    reactor.add_system_event_trigger(during, "startup", [&] { order.emplace_back("during startup"); }).detach();
    reactor.call_when_running([&] { reactor.stop(); });
    reactor
        .call_later(0ms,
                    [&] {
                        order.emplace_back("timer");
                        BOOST_TEST(!reactor.running());
                        promise.callback();
                    })
        .detach();
    reactor.run();
    BOOST_TEST(order == (std::vector<std::string>{"before startup", "timer", "during startup"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(connection_lost_on_shutdown) {
    Reactor reactor;
    auto server = std::make_shared<Recorder>();
    auto client = std::make_shared<Recorder>();
    const auto port = listen_tcp(reactor, {"127.0.0.1", 0}, make_factory([&](const Address&) { return server; }));
    auto connecting = connect_tcp(reactor, {"127.0.0.1", port->address().port}, client);
    server->when_made = [&](Recorder&) { reactor.call_soon([&] { reactor.stop(); }); };
    std::string order;
    const auto note = [&](Recorder&) {
        order += 'l';
        BOOST_TEST(!reactor.running());
    };
    server->when_lost = note;
    client->when_lost = note;
    reactor.add_system_event_trigger(during, "shutdown", [&] { order += 'd'; }).detach();
    reactor.add_system_event_trigger(after, "shutdown", [&] { order += 'a'; }).detach();
    reactor.run();
    BOOST_TEST(order == "dlla");
    BOOST_TEST(server->reason->check<ConnectionLost>() != nullptr);
    BOOST_TEST(client->reason->check<ConnectionLost>() != nullptr);
    BOOST_TEST(reactor.metrics().resources_open == 1u);  // the port, which may listen again
}

BOOST_AUTO_TEST_CASE(a_port_that_the_end_of_a_run_stopped_listens_again_in_the_next) {
    Reactor reactor;
    const auto port = listen_tcp(reactor, {"127.0.0.1", 0},
                                 make_factory([](const Address&) { return std::make_shared<Recorder>(); }));
    reactor.call_soon([&] { reactor.stop(); });
    reactor.run();
    port->start_listening();
    auto client = std::make_shared<Recorder>();
    reactor.run_until(connect_tcp(reactor, {"127.0.0.1", port->address().port}, client));
    BOOST_TEST(client->connected());
}

BOOST_AUTO_TEST_CASE(shutdown_disconnects_cleanly) {
    const Reports reports;
    Reactor reactor;
    auto server = std::make_shared<Recorder>();
    auto client = std::make_shared<Recorder>();
    const auto port = listen_tcp(reactor, {"127.0.0.1", 0}, make_factory([&](const Address&) { return server; }));
    auto connecting = connect_tcp(reactor, {"127.0.0.1", port->address().port}, client);
    server->when_made = [&](Recorder&) { reactor.call_soon([&] { reactor.stop(); }); };
    const auto bad = [](Recorder&) { throw std::runtime_error("bad"); };
    server->when_lost = bad;
    client->when_lost = bad;
    reactor.run();
    BOOST_TEST(server->reason.has_value());
    BOOST_TEST(client->reason.has_value());
    BOOST_TEST(reports.count() == 2u);
}

BOOST_AUTO_TEST_CASE(what_a_loss_at_shutdown_opens_stays_for_the_next_run) {
    Reactor reactor;
    int lost = 0;
    const auto factory = make_factory([](const Address&) { return std::make_shared<Recorder>(); });
    auto client = std::make_shared<Recorder>();
    std::vector<std::unique_ptr<ListeningPort>> ports;
    ports.push_back(listen_tcp(reactor, {"127.0.0.1", 0}, factory));
    const auto where = HostPort{"127.0.0.1", ports[0]->address().port};
    client->when_lost = [&](Recorder&) {
        ++lost;
        ports.push_back(listen_tcp(reactor, {"127.0.0.1", 0}, factory));
    };
    reactor.run_until(connect_tcp(reactor, where, client));
    reactor.call_soon([&] { reactor.stop(); });
    reactor.run();
    BOOST_TEST(lost == 1);
    const auto again = HostPort{"127.0.0.1", ports.at(1)->address().port};
    reactor.run_until(connect_tcp(reactor, again, std::make_shared<Recorder>()));
}
