// What other threads may do to a reactor, and what it costs.
#define BOOST_TEST_MODULE reactor_threads
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/detail/thread_calls.hpp"
#include "plait/reactor/reactor.hpp"

using namespace plait;
using namespace std::chrono_literals;

namespace {

constexpr int threads = 8;
constexpr int calls_each = 5'000;

/// A loop that never runs: shows what was asked of it.
struct IdleLoop final : IOPS {
    void update_event(IOEvent& event, EventAction, IOFlags) override { fd = event.fileno(); }
    void update_timer(TimerEvent&, EventAction, std::chrono::microseconds) override {}
    int fd = -1;
};

bool readable(int fd) {
    pollfd watched{fd, POLLIN, 0};
    return ::poll(&watched, 1, 0) == 1;
}

}  // namespace

BOOST_AUTO_TEST_CASE(calls_from_many_threads_all_come_in_the_order_of_each) {
    Reactor reactor;
    const auto home = std::this_thread::get_id();
    std::vector<int> next(threads, 0);
    int wrong = 0;
    int left = threads * calls_each;
    std::vector<std::thread> posters;
    for (int thread = 0; thread < threads; ++thread) {
        posters.emplace_back([&, thread] {
            for (int number = 0; number < calls_each; ++number) {
                reactor.call_from_thread([&, thread, number] {
                    int& expected = next[static_cast<std::size_t>(thread)];
                    if (number != expected++ || std::this_thread::get_id() != home) ++wrong;
                    if (--left == 0) reactor.stop();
                });
            }
        });
    }
    reactor.run();
    for (std::thread& poster : posters)
        poster.join();
    BOOST_TEST(left == 0);
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(a_call_wakes_a_loop_that_has_nothing_else_to_do) {
    Reactor reactor;
    for (int round = 0; round < 200; ++round) {
        std::promise<void> about_to_wait;
        std::thread poster([&, waiting = about_to_wait.get_future()]() mutable {
            waiting.wait();
            reactor.call_from_thread([&] { reactor.stop(); });
        });
        reactor.call_soon([&] { about_to_wait.set_value(); });
        reactor.run();
        poster.join();
    }
}

BOOST_AUTO_TEST_CASE(a_reactor_may_be_destroyed_as_soon_as_a_posted_stop_has_ended_it) {
    for (int round = 0; round < 300; ++round) {
        std::optional<Reactor> reactor(std::in_place);
        std::thread poster([&running = *reactor] { running.call_from_thread([&] { running.stop(); }); });
        reactor->run();
        reactor.reset();
        poster.join();
    }
}

BOOST_AUTO_TEST_CASE(a_posted_timer_is_in_time) {
    Reactor reactor;
    auto far = reactor.call_later(1h, [] {});
    std::thread poster(
        [&] { reactor.call_from_thread([&] { reactor.call_later(1ms, [&] { reactor.stop(); }).detach(); }); });
    reactor.run();
    poster.join();
}

BOOST_AUTO_TEST_CASE(calls_posted_by_a_posted_call_wait_a_turn) {
    Reactor reactor;
    bool timer_ran = false;
    int rounds = 0;
    struct Again {
        Reactor& reactor;
        int& rounds;
        void operator()() const {
            if (++rounds < 100'000) reactor.call_from_thread(*this);
        }
    };
    auto timer = reactor.call_later(0ms, [&] {
        timer_ran = true;
        reactor.stop();
    });
    reactor.call_from_thread(Again{reactor, rounds});
    reactor.run();
    BOOST_TEST(timer_ran);
    BOOST_TEST(rounds < 100);
}

BOOST_AUTO_TEST_CASE(a_mailbox_that_outlives_its_reactor_keeps_nothing_that_is_posted) {
    std::shared_ptr<detail::ThreadMailbox> mailbox;
    auto witness = std::make_shared<int>();
    {
        Reactor reactor;
        mailbox = reactor.core().mailbox();
        mailbox->post([witness] { BOOST_ERROR("called"); });
        BOOST_TEST(witness.use_count() == 2);
    }
    BOOST_TEST(witness.use_count() == 1);
    mailbox->post([witness] { BOOST_ERROR("called"); });
    BOOST_TEST(witness.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(many_posts_write_one_wake_up) {
    IdleLoop loop;
    detail::ThreadCalls calls(loop, [] {});
    BOOST_TEST(!readable(loop.fd));
    for (int i = 0; i < 1000; ++i)
        calls.post([] {});
    std::uint64_t writes = 0;
    BOOST_REQUIRE_EQUAL(::read(loop.fd, &writes, sizeof writes), 8);
    BOOST_TEST(writes == 1u);

    std::vector<UniqueFunction<void()>> taken;
    calls.take(taken);
    BOOST_TEST(taken.size() == 1000u);
    BOOST_TEST(!readable(loop.fd));
    calls.post([] {});
    BOOST_TEST(readable(loop.fd));
}

BOOST_AUTO_TEST_CASE(each_thread_may_have_a_reactor_and_they_may_call_each_other) {
    constexpr int hops = 1'000;
    std::promise<Reactor*> other_ready;
    std::atomic<int> count{0};
    Reactor here;
    std::thread thread([&] {
        Reactor there;
        other_ready.set_value(&there);
        there.run();
    });
    Reactor& there = *other_ready.get_future().get();
    struct Hop {
        Reactor& from;
        Reactor& to;
        std::atomic<int>& count;
        void operator()() const {
            if (++count < hops) {
                to.call_from_thread(Hop{to, from, count});
                return;
            }
            to.call_from_thread([&stopped = to] { stopped.stop(); });
            from.stop();
        }
    };
    here.call_from_thread(Hop{here, there, count});
    here.run();
    thread.join();
    BOOST_TEST(count == hops);
}
