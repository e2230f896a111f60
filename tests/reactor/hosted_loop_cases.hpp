// What holds in a loop that its owner runs, whoever that is. For inclusion by tests that define `Host`: a loop with
//   run()           runs it as its owner does, until stop() or nothing is left in it
//   after(ms, f)    the owner's own timer
//   Adapter         what goes between it and a reactor; made of a Host's `loop()`
#pragma once

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "plait/reactor/detail/loop_lab.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/testing/loop_conformance.hpp"

using namespace plait;
using namespace std::chrono_literals;

/// An owner's loop with a reactor in it.
struct Hosted {
    Host host;
    std::optional<Host::Adapter> adapter{std::in_place, host.loop()};
    std::optional<Reactor> reactor{std::in_place, *adapter};

    void end() {
        reactor.reset();
        adapter.reset();
    }
};

BOOST_AUTO_TEST_CASE(the_adapter_keeps_every_promise_of_the_seam) {
    const auto complaints = plait::testing::check_loop([] { return std::make_unique<Host::Adapter>(); },
                                                       {.several_events_on_one_descriptor = true});
    BOOST_TEST(complaints == std::vector<std::string>(), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_reactor_lives_in_a_loop_that_its_owner_runs, Hosted) {
    std::string order;
    reactor->call_soon([&] { order += 'a'; });
    auto later = reactor->call_later(4ms, [&] {
        order += 'c';
        host.stop();
    });
    host.after(1ms, [&] { order += 'b'; });
    host.run();
    BOOST_TEST(order == "abc");
}

BOOST_FIXTURE_TEST_CASE(the_loop_runs_dry_when_the_owner_ends_the_reactor_in_a_callback_of_its_own, Hosted) {
    int beats = 0;
    std::function<void()> beat = [&] {
        ++beats;
        if (reactor) reactor->call_later(0ms, [] {}).detach();
    };
    auto busy = reactor->call_later(1h, [] {});
    reactor->call_soon(beat);
    host.after(5ms, [&] {
        busy = {};
        end();
    });
    host.run();
    BOOST_TEST(beats == 1);
    BOOST_TEST(!reactor);
}

BOOST_FIXTURE_TEST_CASE(the_owner_may_end_the_reactor_between_two_of_its_events, Hosted) {
    // Both are due in the same pass; the reactor's comes first, and its pass has not ended when the owner's comes.
    bool called = false;
    auto first = reactor->call_later(1ms, [&] { called = true; });
    host.after(1ms, [&] {
        first = {};
        end();
    });
    const auto both_due = std::chrono::steady_clock::now() + 5ms;
    while (std::chrono::steady_clock::now() < both_due) {
    }
    host.run();
    BOOST_TEST(called);
}

BOOST_FIXTURE_TEST_CASE(two_reactors_share_a_loop_and_call_each_other, Hosted) {
    Host::Adapter second_adapter(host.loop());
    Reactor second(second_adapter);
    int hops = 0;
    std::function<void()> hop = [&] {
        if (++hops == 100) return host.stop();
        (hops % 2 == 0 ? *reactor : second).call_soon([&] { hop(); });
    };
    reactor->call_soon([&] { hop(); });
    host.run();
    BOOST_TEST(hops == 100);
}

BOOST_FIXTURE_TEST_CASE(run_until_runs_the_owners_things_too, Hosted) {
    bool beaten = false;
    host.after(1ms, [&] { beaten = true; });
    reactor->run_until(reactor->sleep(5ms));
    BOOST_TEST(beaten);
    reactor->run_until(reactor->sleep(1ms));
}

BOOST_FIXTURE_TEST_CASE(an_owner_that_stops_its_loop_ends_run, Hosted) {
    host.after(1ms, [&] { host.stop(); });
    BOOST_CHECK_THROW(reactor->run_until(reactor->sleep(1h)), ReactorStopped);
    reactor->run_until(reactor->sleep(1ms));  // and it may run again
}

BOOST_FIXTURE_TEST_CASE(stopping_a_reactor_that_does_not_run_leaves_the_owners_loop_alone, Hosted) {
    bool later = false;
    reactor->call_soon([&] { adapter->stop_watching(); });
    host.after(5ms, [&] {
        later = true;
        host.stop();
    });
    host.run();
    BOOST_TEST(later);
}

BOOST_FIXTURE_TEST_CASE(a_descriptor_that_the_owner_watches_itself_is_told_as_an_error, Hosted) {
    const detail::TwoEnds ends = detail::TwoEnds::sockets();
    const Host::Watch owners(host, ends.near.get());
    struct Seen final : EventHandler {
        void event_ready(IOFlags flags) noexcept override {
            all = all | flags;
            ++times;
        }
        IOFlags all = IOFlags::none;
        int times = 0;
    };
    Seen seen;
    const auto event = adapter->io_event_factory(ends.near.get(), seen);
    adapter->update_event(*event, EventAction::watch, IOFlags::read);
    host.after(5ms, [&] { host.stop(); });
    host.run();
    BOOST_TEST((seen.all == (IOFlags::read | IOFlags::error)));
    BOOST_TEST(seen.times == 1);
    adapter->update_event(*event, EventAction::cleanup, IOFlags::none);
}
