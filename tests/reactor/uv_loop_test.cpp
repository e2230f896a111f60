// UvLoop inside a libuv loop that somebody else owns.
#define BOOST_TEST_MODULE reactor_uv_loop
#include "plait/reactor/loops/uv_loop.hpp"

#include <uv.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <deque>
#include <functional>

#include "plait/deferred/testing/caught_reports.hpp"

struct Host {
    using Adapter = plait::UvLoop;

    Host() { uv_loop_init(&own); }
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;
    ~Host() {
        uv_walk(
            &own,
            [](uv_handle_t* handle, void*) {
                if (uv_is_closing(handle) == 0) uv_close(handle, nullptr);
            },
            nullptr);
        uv_run(&own, UV_RUN_DEFAULT);
        BOOST_TEST(uv_loop_close(&own) == 0);  // nothing of anybody's is left
    }

    uv_loop_t* loop() { return &own; }
    void run() { uv_run(&own, UV_RUN_DEFAULT); }
    void stop() { uv_stop(&own); }

    struct Timer {
        uv_timer_t handle;
        std::function<void()> call;
    };
    void after(std::chrono::milliseconds delay, std::function<void()> call) {
        Timer& timer = timers.emplace_back();
        timer.call = std::move(call);
        timer.handle.data = &timer;
        uv_timer_init(&own, &timer.handle);
        uv_update_time(&own);
        uv_timer_start(
            &timer.handle, [](uv_timer_t* handle) { static_cast<Timer*>(handle->data)->call(); },
            static_cast<std::uint64_t>(delay.count()), 0);
    }

    struct Watch {
        Watch(Host& host, int fd) : handle(new uv_poll_t) {
            uv_poll_init(host.loop(), handle, fd);
            uv_poll_start(handle, UV_READABLE, [](uv_poll_t*, int, int) {});
        }
        Watch(const Watch&) = delete;
        Watch& operator=(const Watch&) = delete;
        ~Watch() {
            uv_close(reinterpret_cast<uv_handle_t*>(handle),
                     [](uv_handle_t* closed) { delete reinterpret_cast<uv_poll_t*>(closed); });
        }
        uv_poll_t* handle;
    };

    uv_loop_t own;
    std::deque<Timer> timers;
};

#include "plait/tests/reactor/hosted_loop_cases.hpp"

BOOST_AUTO_TEST_CASE(handles_are_closed_after_the_adapter_is_gone) {
    Host host;
    {
        UvLoop adapter(host.loop());
        Reactor reactor(adapter);
        reactor.run_until(reactor.sleep(1ms));
    }
    BOOST_TEST(uv_loop_alive(host.loop()) != 0);  // closing
    host.run();
    BOOST_TEST(uv_loop_alive(host.loop()) == 0);
}

namespace {

uv_handle_t* base(uv_timer_t& timer) {
    return reinterpret_cast<uv_handle_t*>(&timer);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_loop_of_its_own_lets_go_of_what_others_are_closing_on_it) {
    uv_timer_t first;
    uv_timer_t second;
    int closed = 0;
    first.data = &second;
    second.data = &closed;
    const plait::testing::CaughtReports reports;
    {
        const UvLoop adapter;
        uv_timer_init(adapter.loop(), &first);
        uv_timer_init(adapter.loop(), &second);
        uv_close(base(first), [](uv_handle_t* handle) {
            auto* const next = static_cast<uv_timer_t*>(handle->data);
            uv_close(base(*next), [](uv_handle_t* last) { ++*static_cast<int*>(last->data); });
        });
    }
    BOOST_TEST(closed == 1);
    BOOST_TEST(reports.count() == 0U);
}

BOOST_AUTO_TEST_CASE(a_loop_of_its_own_is_left_to_handles_that_stay_open_and_says_so_instead_of_waiting) {
    static uv_timer_t left;  // as long as the loop it is on
    const plait::testing::CaughtReports reports;
    {
        const UvLoop adapter;
        uv_timer_init(adapter.loop(), &left);
        uv_timer_start(&left, [](uv_timer_t*) { BOOST_ERROR("called"); }, 3'600'000, 0);
    }
    BOOST_TEST(reports.count() == 1U);
    BOOST_TEST(uv_is_active(base(left)) != 0);
    BOOST_TEST(left.loop != nullptr);
}
