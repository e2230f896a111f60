// The loop, on libev and on a foreign loop that knows only the seam: the same promises hold on both.
#define BOOST_TEST_MODULE reactor_loop
#include "plait/reactor/reactor.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "plait/deferred/errors.hpp"
#include "plait/deferred/unhandled.hpp"
#include "plait/reactor/descriptors.hpp"
#include "plait/reactor/detail/io_watch.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/loops/poll_loop.hpp"
#include "plait/reactor/testing/recorder.hpp"
#include "plait/reactor/thread_pool.hpp"
#include "plait/reactor/unique_fd.hpp"
#include "plait/tests/reactor/reports.hpp"
#include "plait/tests/reactor/system_faults.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

struct OnLibev {
    Reactor reactor;
};

struct OnForeignLoop {
    PollLoop loop;
    Reactor reactor{loop};
};

using Loops = std::tuple<OnLibev, OnForeignLoop>;

/// Writes down when it is flushed.
struct Writer final : detail::Flushable {
    explicit Writer(std::string& to) : log(to) {}
    void flush() noexcept override { log += 'f'; }
    std::string& log;
};

struct SocketPair {
    SocketPair() {
        int fds[2];
        BOOST_REQUIRE_EQUAL(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        near = UniqueFd(fds[0]);
        far = UniqueFd(fds[1]);
    }
    UniqueFd near, far;
};

struct Reader final : EventHandler {
    Reader(Reactor& reactor, int fd, UniqueFunction<void(IOFlags)> call)
        : core(reactor.core()), on_ready(std::move(call)), watch(reactor.iops(), fd, *this) {
        watch.watch(IOFlags::read);
    }
    void event_ready(IOFlags flags) noexcept override {
        const detail::ReactorCore::Turn turn(core);
        on_ready(flags);
    }
    detail::ReactorCore& core;
    UniqueFunction<void(IOFlags)> on_ready;
    detail::IOWatch watch;
};

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(run_returns_when_stopped, Loop, Loops) {
    Loop on;
    Reactor& reactor = on.reactor;
    bool ran = false;
    reactor.call_soon([&] {
        ran = true;
        BOOST_TEST(reactor.running());
        reactor.stop();
    });
    BOOST_TEST(!reactor.running());
    reactor.run();
    BOOST_TEST(ran);
    BOOST_TEST(!reactor.running());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_reactor_runs_again_after_stop, Loop, Loops) {
    Loop on;
    Reactor& reactor = on.reactor;
    for (int round = 0; round < 3; ++round) {
        int calls = 0;
        auto call = reactor.call_later(1ms, [&] {
            ++calls;
            reactor.stop();
        });
        reactor.run();
        BOOST_TEST(calls == 1);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(running_a_running_reactor_throws, Loop, Loops) {
    Loop on;
    Reactor& reactor = on.reactor;
    reactor.call_soon([&] {
        BOOST_CHECK_THROW(reactor.run(), ReactorAlreadyRunning);
        BOOST_CHECK_THROW(reactor.run_until(succeed(1)), ReactorAlreadyRunning);
        reactor.stop();
    });
    reactor.run();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(timers_fire_by_deadline_and_equal_ones_in_the_order_set, Loop, Loops) {
    Loop on;
    Reactor& reactor = on.reactor;
    std::string order;
    auto c = reactor.call_later(4ms, [&] {
        order += 'c';
        reactor.stop();
    });
    auto a = reactor.call_later(1ms, [&] { order += 'a'; });
    auto b = reactor.call_later(2ms, [&] { order += 'b'; });
    auto now1 = reactor.call_later(0ms, [&] { order += '1'; });
    auto now2 = reactor.call_later(0ms, [&] { order += '2'; });
    reactor.run();
    BOOST_TEST(order == "12abc");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(timers_never_fire_early, Loop, Loops) {
    Loop on;
    Reactor& reactor = on.reactor;
    for (const auto delay : {100us, 900us, 1500us, 3300us}) {
        const TimePoint start = reactor.now();
        reactor.run_until(reactor.sleep(delay));
        BOOST_TEST((reactor.now() - start >= delay));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_timer_set_after_a_long_callback_counts_from_then, Loop, Loops) {
    Loop on;
    Reactor& reactor = on.reactor;
    TimePoint set, fired;
    DelayedCall later;
    reactor.call_soon([&] {
        const TimePoint busy_until = reactor.now() + 20ms;
        while (reactor.now() < busy_until) {
        }
        set = reactor.now();
        later = reactor.call_later(15ms, [&] {
            fired = reactor.now();
            reactor.stop();
        });
    });
    reactor.run();
    BOOST_TEST((fired - set >= 15ms));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_earlier_timer_set_in_a_callback_is_not_late, Loop, Loops) {
    Loop on;
    Reactor& reactor = on.reactor;
    auto far = reactor.call_later(1h, [] {});
    auto near = reactor.call_later(1ms, [&] { reactor.stop(); });
    reactor.run();
    DelayedCall nearer;
    reactor.call_soon([&] { nearer = reactor.call_later(2ms, [&] { reactor.stop(); }); });
    reactor.run();
    BOOST_TEST(far.active());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(call_soon_keeps_order_and_does_not_starve_descriptors, Loop, Loops) {
    Loop on;
    Reactor& reactor = on.reactor;
    SocketPair pair;
    BOOST_REQUIRE_EQUAL(::write(pair.far.get(), "x", 1), 1);
    int rounds = 0;
    bool read = false;
    Reader reader(reactor, pair.near.get(), [&](IOFlags flags) {
        BOOST_TEST((flags == IOFlags::read));
        read = true;
        reactor.crash();
    });
    struct Again {
        Reactor& reactor;
        int& rounds;
        void operator()() const {
            if (++rounds < 100'000) reactor.call_soon(*this);
        }
    };
    reactor.call_soon(Again{reactor, rounds});
    reactor.run();
    BOOST_TEST(read);
    BOOST_TEST(rounds < 100);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(one_turn_in_the_documented_order, Loop, Loops) {
    const FaultsGuard counted;
    Loop on;
    Reactor& reactor = on.reactor;
    SocketPair pair;
    const auto written = std::make_shared<ProtocolRecorder>();
    reactor.run_until(adopt_stream(reactor, std::move(pair.near), written));
    reactor.run_until(reactor.sleep(0ms));

    std::string told;
    std::vector<std::size_t> sends;
    const auto call = [&](const char* name) {
        return [&, name] {
            told += name;
            sends.push_back(faults.send.calls);
            written->transport().write(name);
        };
    };
    faults.send.calls = 0;
    reactor.call_later(0ms, call("timed ")).detach();
    reactor.call_later(0ms, call("as timed ")).detach();
    reactor.call_soon([&] {
        call("soon ")();
        reactor.call_later(0ms, call("later timed ")).detach();
        reactor.call_soon(call("later soon "));
    });
    reactor.call_soon(call("as soon "));
    while (sends.size() < 6)
        reactor.iterate(1ms);
    BOOST_TEST(told == "soon as soon timed as timed later soon later timed ");
    // What is written in a turn leaves at its end, in one call.
    BOOST_TEST(sends == (std::vector<std::size_t>{0, 0, 0, 0, 1, 1}), boost::test_tools::per_element());
    BOOST_TEST(faults.send.calls == 2U);
    char room[128];
    const ssize_t got = ::read(pair.far.get(), room, sizeof room);
    BOOST_TEST(std::string(room, static_cast<std::size_t>(std::max<ssize_t>(got, 0))) == told);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(call_soon_never_calls_before_it_returns, Loop, Loops) {
    Loop on;
    Reactor& reactor = on.reactor;
    std::string order;
    reactor.call_soon([&] {
        reactor.call_soon([&] {
            order += 'b';
            reactor.stop();
        });
        order += 'a';
    });
    reactor.run();
    BOOST_TEST(order == "ab");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(exceptions_from_callbacks_are_reported_and_do_not_end_the_loop, Loop, Loops) {
    const Reports reports;
    Loop on;
    Reactor& reactor = on.reactor;
    reactor.call_soon([] { throw std::runtime_error("soon"); });
    reactor.call_from_thread([] { throw std::runtime_error("thread"); });
    auto bad = reactor.call_later(0ms, [] { throw 42; });
    auto good = reactor.call_later(1ms, [&] { reactor.stop(); });
    reactor.run();
    BOOST_TEST(reports.count() == 3u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(run_until_gives_the_value, Loop, Loops) {
    Loop on;
    Reactor& reactor = on.reactor;
    BOOST_TEST(reactor.run_until(reactor.sleep(1ms).add_callback([] { return std::string("done"); })) == "done");
    BOOST_TEST(reactor.run_until(succeed(7)) == 7);
    reactor.run_until(reactor.sleep(1ms));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(run_until_throws_the_failure, Loop, Loops) {
    Loop on;
    Reactor& reactor = on.reactor;
    BOOST_CHECK_THROW(reactor.run_until(reactor.sleep(1ms).add_callback([] { throw std::out_of_range("gone"); })),
                      std::out_of_range);
    BOOST_CHECK_THROW(reactor.run_until(fail<int>(std::out_of_range("gone"))), std::out_of_range);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(run_until_throws_when_stopped_first_and_drops_what_it_waited_for, Loop, Loops) {
    Loop on;
    Reactor& reactor = on.reactor;
    bool dropped = false;
    auto [never, promise] = make_deferred<int>([&] { dropped = true; });
    reactor.call_soon([&] { reactor.stop(); });
    BOOST_CHECK_THROW(reactor.run_until(std::move(never)), ReactorStopped);
    BOOST_TEST(dropped);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_watched_descriptor_is_reported_for_as_long_as_it_is_ready, Loop, Loops) {
    Loop on;
    Reactor& reactor = on.reactor;
    SocketPair pair;
    BOOST_REQUIRE_EQUAL(::write(pair.far.get(), "x", 1), 1);
    int times = 0;
    Reader reader(reactor, pair.near.get(), [&](IOFlags) {
        if (++times == 3) reactor.crash();  // never read: level-triggered
    });
    reactor.run();
    BOOST_TEST(times == 3);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_watch_destroyed_by_another_callback_of_the_same_turn_is_not_told, Loop, Loops) {
    Loop on;
    Reactor& reactor = on.reactor;
    SocketPair first, second;
    BOOST_REQUIRE_EQUAL(::write(first.far.get(), "x", 1), 1);
    BOOST_REQUIRE_EQUAL(::write(second.far.get(), "x", 1), 1);
    std::unique_ptr<Reader> a, b;
    int times = 0;
    a = std::make_unique<Reader>(reactor, first.near.get(), [&](IOFlags) {
        ++times;
        b.reset();
        a->watch.watch(IOFlags::none);
    });
    b = std::make_unique<Reader>(reactor, second.near.get(), [&](IOFlags) {
        ++times;
        a.reset();
        b->watch.watch(IOFlags::none);
    });
    reactor.run_until(reactor.sleep(2ms));
    BOOST_TEST(times == 1);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_watch_may_be_destroyed_in_its_own_callback, Loop, Loops) {
    Loop on;
    Reactor& reactor = on.reactor;
    SocketPair pair;
    BOOST_REQUIRE_EQUAL(::write(pair.far.get(), "x", 1), 1);
    std::unique_ptr<Reader> reader;
    int times = 0;
    reader = std::make_unique<Reader>(reactor, pair.near.get(), [&](IOFlags) {
        ++times;
        detail::ReactorCore& core = reactor.core();
        struct Gone final : detail::Doomed {
            explicit Gone(std::unique_ptr<Reader> owned) : reader(std::move(owned)) {}
            std::unique_ptr<Reader> reader;
        };
        core.destroy_later(std::make_unique<Gone>(std::move(reader)));
    });
    reactor.run_until(reactor.sleep(3ms));
    BOOST_TEST(times == 1);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(flushing_happens_once_at_the_end_of_the_turn, Loop, Loops) {
    Loop on;
    Reactor& reactor = on.reactor;
    std::string log;
    Writer writer(log);
    reactor.call_soon([&] {
        reactor.core().queue_flush(writer);
        reactor.core().queue_flush(writer);
        log += 'a';
        reactor.call_soon([&] {
            log += 'b';
            reactor.stop();
        });
    });
    reactor.run();
    BOOST_TEST(log == "afb");

    log.clear();
    reactor.core().queue_flush(writer);  // outside any turn
    BOOST_TEST(log == "");
    reactor.run_until(reactor.sleep(0ms));
    BOOST_TEST(log == "f");

    log.clear();
    {
        Writer gone(log);
        reactor.core().queue_flush(gone);
    }
    reactor.run_until(reactor.sleep(0ms));
    BOOST_TEST(log == "");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_writer_that_queues_itself_from_flush_does_not_keep_the_loop, Loop, Loops) {
    struct Greedy final : detail::Flushable {
        explicit Greedy(detail::ReactorCore& of) : core(of) {}
        void flush() noexcept override {
            ++flushes;
            core.queue_flush(*this);
        }
        detail::ReactorCore& core;
        int flushes = 0;
    };
    Loop on;
    Reactor& reactor = on.reactor;
    Greedy greedy(reactor.core());
    reactor.core().queue_flush(greedy);
    reactor.run_until(reactor.sleep(1ms));
    BOOST_TEST(greedy.flushes > 1);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(destroying_a_reactor_drops_what_is_pending_and_ends_what_is_open, Loop, Loops) {
    struct Open final : detail::Resource {
        void reactor_destroyed() noexcept override { ++told; }
        int told = 0;
    };
    Open kept, left;
    auto witness = std::make_shared<int>();
    DelayedCall call;
    {
        Loop on;
        Reactor& reactor = on.reactor;
        reactor.core().add_resource(kept);
        reactor.core().add_resource(left);
        left.unlink();
        reactor.call_soon([witness] { BOOST_ERROR("made"); });
        reactor.call_from_thread([witness] { BOOST_ERROR("made"); });
        call = reactor.call_later(0ms, [witness] { BOOST_ERROR("made"); });
        BOOST_TEST(witness.use_count() == 4);
    }
    BOOST_TEST(witness.use_count() == 1);
    BOOST_TEST(kept.told == 1);
    BOOST_TEST(left.told == 0);
    BOOST_TEST(!call.active());
    BOOST_CHECK_THROW(call.reset(1s), InvalidState);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_a_reactor_has_still_to_call_is_gone_before_what_is_open_hears_of_its_end, Loop,
                              Loops) {
    struct Open final : detail::Resource {
        explicit Open(std::weak_ptr<int> what) : waits(std::move(what)) {}
        void reactor_destroyed() noexcept override { told = waits.expired() ? "gone" : "there"; }
        std::weak_ptr<int> waits;
        std::string told;
    };
    const std::vector<std::function<void(Reactor&, std::shared_ptr<int>)>> ways{
        [](Reactor& reactor, std::shared_ptr<int> held) { reactor.call_soon([held] {}); },
        [](Reactor& reactor, std::shared_ptr<int> held) { reactor.call_later(1h, [held] {}).detach(); },
        [](Reactor& reactor, std::shared_ptr<int> held) { reactor.call_from_thread([held] {}); },
        [](Reactor& reactor, std::shared_ptr<int> held) {
            reactor.add_system_event_trigger(EventPhase::during, "shutdown", [held] {}).detach();
        },
    };
    for (const auto& way : ways) {
        auto held = std::make_shared<int>();
        Open open(held);
        {
            Loop on;
            on.reactor.core().add_resource(open);
            way(on.reactor, std::move(held));
        }
        BOOST_TEST(open.told == "gone");
    }

    auto held = std::make_shared<int>();
    Open open(held);
    SignalSubscription signals;
    {
        Loop on;
        on.reactor.core().add_resource(open);
        signals = on.reactor.on_signal(SIGUSR1, [held](int) {});
        held.reset();
    }
    BOOST_TEST(open.told == "gone");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_asked_of_a_reactor_by_its_losses_comes_to_nothing_and_is_gone_while_it_is_whole,
                              Loop, Loops) {
    struct Asking {
        explicit Asking(Reactor& r) : reactor(&r) {}
        Asking(Asking&& other) noexcept : reactor(std::exchange(other.reactor, nullptr)) {}
        ~Asking() {
            if (reactor != nullptr) reactor->call_soon([] {});
        }
        void operator()() const { BOOST_ERROR("called"); }
        Reactor* reactor;
    };
    struct Open final : detail::Resource {
        explicit Open(Reactor& r) : reactor(r) {}
        void reactor_destroyed() noexcept override {
            reactor.call_soon(Asking(reactor));
            reactor.call_from_thread(Asking(reactor));
            reactor.call_later(0s, Asking(reactor)).detach();
            BOOST_CHECK_THROW(reactor.thread_pool().call([] { BOOST_ERROR("called"); }), ThreadPoolStopped);
            told = true;
        }
        Reactor& reactor;
        bool told = false;
    };
    std::optional<Loop> on(std::in_place);
    Open open(on->reactor);
    on->reactor.core().add_resource(open);
    on.reset();
    BOOST_TEST(open.told);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_a_call_holds_is_destroyed_before_the_next_is_made, Loop, Loops) {
    Loop on;
    Reactor& reactor = on.reactor;
    auto first = std::make_shared<int>();
    const std::weak_ptr<int> held = first;
    int gone = 0;
    reactor.call_soon([first] {});
    reactor.call_soon([&] { gone += held.expired() ? 1 : 0; });
    first.reset();
    reactor.run_until(reactor.sleep(0s));

    auto second = std::make_shared<int>();
    const std::weak_ptr<int> posted = second;
    reactor.call_from_thread([second] {});
    reactor.call_from_thread([&] { gone += posted.expired() ? 1 : 0; });
    second.reset();
    reactor.run_until(reactor.sleep(1ms));
    BOOST_TEST(gone == 2);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_to_be_destroyed_outlives_what_the_turn_sends, Loop, Loops) {
    struct Ended final : detail::Doomed {
        explicit Ended(std::string& to) : log(to) {}
        ~Ended() override { log += 'd'; }
        std::string& log;
    };
    Loop on;
    Reactor& reactor = on.reactor;
    std::string log;
    Writer writer(log);
    reactor.call_soon([&] {
        reactor.core().destroy_later(std::make_unique<Ended>(log));
        reactor.core().queue_flush(writer);
    });
    reactor.run_until(reactor.sleep(1ms));
    BOOST_TEST(log == "fd");
}

BOOST_AUTO_TEST_CASE(destroying_a_reactor_ends_what_is_open_however_much_that_is) {
    struct Open final : detail::Resource {
        void reactor_destroyed() noexcept override { told = true; }
        bool told = false;
    };
    constexpr std::size_t count = 100'001;
    const auto many = std::make_unique<Open[]>(count);
    {
        Reactor reactor;
        for (std::size_t i = 0; i < count; ++i)
            reactor.core().add_resource(many[i]);
    }
    BOOST_TEST(std::all_of(many.get(), many.get() + count, [](const Open& open) { return open.told; }));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(captures_that_use_the_reactor_while_it_is_destroyed_find_it_whole, Loop, Loops) {
    struct Restless {
        explicit Restless(Reactor& r) : reactor(&r) {}
        Restless(Restless&& other) noexcept : reactor(std::exchange(other.reactor, nullptr)) {}
        ~Restless() {
            if (reactor == nullptr) return;
            static_cast<void>(reactor->now());
            reactor->call_soon([] {});
            reactor->call_from_thread([] {});
            reactor->call_later(1ms, [] { BOOST_ERROR("made"); }).detach();
        }
        void operator()() const {}
        Reactor* reactor;
    };
    Loop on;
    Reactor& reactor = on.reactor;
    reactor.call_soon(Restless(reactor));
    reactor.call_from_thread(Restless(reactor));
    reactor.call_later(1ms, Restless(reactor)).detach();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_sleep_that_its_reactor_did_not_live_to_end_fails, Loop, Loops) {
    Deferred<> asleep;
    {
        Loop on;
        Reactor& reactor = on.reactor;
        asleep = reactor.sleep(1h);
    }
    BOOST_REQUIRE(asleep.ready());
    BOOST_CHECK_THROW(asleep.take().value(), BrokenPromise);
}
