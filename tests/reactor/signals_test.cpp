#define BOOST_TEST_MODULE reactor_signals
#include "plait/reactor/signals.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>
#include <future>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "plait/reactor/metrics.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/unique_fd.hpp"
#include "plait/tests/reactor/reports.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

using Handler = void (*)(int);

Handler disposition(int number) {
    struct sigaction now = {};
    ::sigaction(number, nullptr, &now);
    return now.sa_handler;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_signal_is_an_ordinary_call_in_the_reactors_thread) {
    Reactor reactor;
    int got = 0;
    bool in_run = false;
    const auto subscription = reactor.on_signal(SIGUSR1, [&](int number) {
        got = number;
        in_run = reactor.running();
        reactor.stop();
    });
    reactor.call_soon([&] {
        ::raise(SIGUSR1);
        BOOST_TEST(got == 0);
    });
    reactor.run();
    BOOST_TEST(got == SIGUSR1);
    BOOST_TEST(in_run);
}

BOOST_AUTO_TEST_CASE(signals_before_run_and_repeated_ones_are_all_told) {
    Reactor reactor;
    std::string told;
    const auto first = reactor.on_signal(SIGUSR1, [&](int) { told += '1'; });
    const auto second = reactor.on_signal(SIGUSR2, [&](int) { told += '2'; });
    ::raise(SIGUSR2);
    ::raise(SIGUSR1);
    ::raise(SIGUSR1);
    reactor.run_until(reactor.sleep(1ms));
    BOOST_TEST(told.size() == 3u);
    BOOST_TEST(std::count(told.begin(), told.end(), '1') == 2);
}

BOOST_AUTO_TEST_CASE(a_signal_that_was_told_leaves_the_reactor_in_peace) {
    Reactor reactor;
    int told = 0;
    const auto subscription = reactor.on_signal(SIGUSR1, [&](int) { ++told; });
    ::raise(SIGUSR1);
    reactor.run_until(reactor.sleep(1ms));
    const auto before = reactor.metrics().turns;
    reactor.run_until(reactor.sleep(20ms));
    BOOST_TEST(told == 1);
    BOOST_TEST(reactor.metrics().turns - before < 10U);
}

BOOST_AUTO_TEST_CASE(a_system_call_that_a_signal_interrupts_goes_on) {
    Reactor reactor;
    bool told = false;
    const auto subscription = reactor.on_signal(SIGUSR1, [&](int) { told = true; });
    int both[2];
    BOOST_REQUIRE_EQUAL(::pipe(both), 0);
    const UniqueFd in(both[0]);
    const UniqueFd out(both[1]);
    std::promise<pid_t> begun;
    ssize_t got = 0;
    std::thread reader([&] {
        begun.set_value(::gettid());
        char room = 0;
        got = ::read(in.get(), &room, 1);
    });
    const pid_t id = begun.get_future().get();
    const auto asleep = [id] {
        std::ifstream status("/proc/self/task/" + std::to_string(id) + "/stat");
        std::string text;
        std::getline(status, text);
        return text.find(") S ") != std::string::npos;
    };
    while (!asleep())
        std::this_thread::yield();
    ::pthread_kill(reader.native_handle(), SIGUSR1);
    while (!told)
        reactor.iterate(1ms);
    BOOST_TEST(::write(out.get(), "x", 1) == 1);
    reader.join();
    BOOST_TEST(got == 1);
}

BOOST_AUTO_TEST_CASE(the_last_subscription_puts_the_previous_disposition_back) {
    std::signal(SIGUSR1, SIG_IGN);
    Reactor reactor;
    {
        auto first = reactor.on_signal(SIGUSR1, [](int) {});
        BOOST_TEST((disposition(SIGUSR1) != SIG_IGN));
        {
            const auto second = reactor.on_signal(SIGUSR1, [](int) {});
        }
        BOOST_TEST((disposition(SIGUSR1) != SIG_IGN));
        SignalSubscription moved = std::move(first);
        BOOST_TEST((disposition(SIGUSR1) != SIG_IGN));
        moved = SignalSubscription();
        BOOST_TEST((disposition(SIGUSR1) == SIG_IGN));
    }
    BOOST_TEST((disposition(SIGUSR1) == SIG_IGN));
}

BOOST_AUTO_TEST_CASE(a_subscription_may_end_inside_its_handler) {
    std::signal(SIGUSR1, SIG_IGN);
    Reactor reactor;
    int calls = 0;
    std::optional<SignalSubscription> subscription;
    subscription = reactor.on_signal(SIGUSR1, [&](int) {
        ++calls;
        subscription.reset();
    });
    int others = 0;
    const auto other = reactor.on_signal(SIGUSR1, [&](int) { ++others; });
    ::raise(SIGUSR1);
    ::raise(SIGUSR1);
    reactor.run_until(reactor.sleep(1ms));
    BOOST_TEST(calls == 1);
    BOOST_TEST(others == 2);
}

BOOST_AUTO_TEST_CASE(a_handler_may_end_anothers_subscription) {
    Reactor reactor;
    std::optional<SignalSubscription> second;
    const auto first = reactor.on_signal(SIGUSR1, [&](int) { second.reset(); });
    second = reactor.on_signal(SIGUSR1, [](int) { BOOST_ERROR("called"); });
    ::raise(SIGUSR1);
    reactor.run_until(reactor.sleep(1ms));
}

BOOST_AUTO_TEST_CASE(an_exception_from_a_handler_is_reported) {
    const Reports reports;
    Reactor reactor;
    const auto subscription = reactor.on_signal(SIGUSR1, [](int) { throw std::runtime_error("bad"); });
    ::raise(SIGUSR1);
    reactor.run_until(reactor.sleep(1ms));
    BOOST_TEST(reports.count() == 1u);
}

BOOST_AUTO_TEST_CASE(destroying_the_reactor_ends_its_subscriptions) {
    std::signal(SIGUSR1, SIG_IGN);
    SignalSubscription subscription;
    auto witness = std::make_shared<int>();
    {
        Reactor reactor;
        subscription = reactor.on_signal(SIGUSR1, [witness](int) {});
    }
    BOOST_TEST((disposition(SIGUSR1) == SIG_IGN));
    BOOST_TEST(witness.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(a_signal_that_came_for_a_destroyed_reactor_is_not_told_to_the_next) {
    std::optional<SignalSubscription> old;
    {
        Reactor reactor;
        old = reactor.on_signal(SIGUSR1, [](int) { BOOST_ERROR("called"); });
        ::raise(SIGUSR1);
    }
    Reactor reactor;
    const auto subscription = reactor.on_signal(SIGUSR1, [](int) { BOOST_ERROR("called"); });
    reactor.run_until(reactor.sleep(1ms));
}

BOOST_AUTO_TEST_CASE(reactors_that_come_and_go_leave_no_descriptors_behind) {
    const auto next_descriptor = [] {
        const int next = ::dup(0);
        ::close(next);
        return next;
    };
    int before = 0;
    for (int round = 0; round < 20; ++round) {
        Reactor reactor;
        const auto subscription = reactor.on_signal(SIGUSR1, [](int) {});
        if (round == 0) before = next_descriptor();
        if (round == 19) BOOST_TEST(next_descriptor() == before);
    }
}

BOOST_AUTO_TEST_CASE(a_signal_that_came_for_an_ended_subscription_is_not_told_to_the_next) {
    Reactor reactor;
    {
        const auto old = reactor.on_signal(SIGUSR1, [](int) { BOOST_ERROR("called"); });
        ::raise(SIGUSR1);
    }
    const auto subscription = reactor.on_signal(SIGUSR1, [](int) { BOOST_ERROR("called"); });
    reactor.run_until(reactor.sleep(1ms));
}

BOOST_AUTO_TEST_CASE(a_signal_reaches_the_reactors_of_all_threads) {
    std::promise<void> ready;
    std::promise<Reactor*> made;
    std::thread thread([&] {
        Reactor reactor;
        const auto subscription = reactor.on_signal(SIGUSR1, [&](int) { reactor.stop(); });
        ready.set_value();
        reactor.run();
    });
    Reactor reactor;
    const auto subscription = reactor.on_signal(SIGUSR1, [&](int) { reactor.stop(); });
    ready.get_future().wait();
    ::kill(::getpid(), SIGUSR1);
    reactor.run();
    thread.join();
}

BOOST_AUTO_TEST_CASE(signals_that_cannot_be_handled_are_refused) {
    Reactor reactor;
    for (const int number : {SIGKILL, SIGSTOP, 0, -1, 65, 1000}) {
        try {
            static_cast<void>(reactor.on_signal(number, [](int) {}));
            BOOST_ERROR("accepted " + std::to_string(number));
        } catch (const std::system_error& error) {
            BOOST_TEST(std::string(error.what()).find(std::to_string(number)) != std::string::npos);
        }
    }
}
