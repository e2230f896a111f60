// AsioLoop inside an io_context that somebody else owns.
#define BOOST_TEST_MODULE reactor_asio_loop
#include "plait/reactor/loops/asio_loop.hpp"

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <stdexcept>

struct Host {
    using Adapter = plait::AsioLoop;

    asio::io_context& loop() { return own; }
    void run() {
        own.restart();
        own.run();
    }
    void stop() { own.stop(); }

    void after(std::chrono::milliseconds delay, std::function<void()> call) {
        asio::steady_timer& timer = timers.emplace_back(own, delay);
        timer.async_wait([call = std::move(call)](const asio::error_code& ended) {
            if (!ended) call();
        });
    }

    struct Watch {
        Watch(Host& host, int fd) : descriptor(host.own, fd) {
            descriptor.async_wait(asio::posix::stream_descriptor::wait_read, [](const asio::error_code&) {});
        }
        ~Watch() { descriptor.release(); }
        asio::posix::stream_descriptor descriptor;
    };

    asio::io_context own;
    std::deque<asio::steady_timer> timers;
};

#include "plait/tests/reactor/hosted_loop_cases.hpp"

BOOST_AUTO_TEST_CASE(a_descriptor_stays_open_when_the_loop_lets_go_of_it) {
    Host host;
    const detail::TwoEnds ends = detail::TwoEnds::sockets();
    {
        AsioLoop adapter(host.loop());
        detail::LoopLab lab(std::make_unique<AsioLoop>(host.loop()));
        detail::WatchedEvent event(lab, ends.near.get(), [&](IOFlags) { lab.stop(); });
        ends.send();
        event.watch(IOFlags::rw);
        lab.run();
    }
    ends.send();
    char two[3];
    BOOST_TEST(::read(ends.near.get(), two, sizeof two) == 2);
}

BOOST_AUTO_TEST_CASE(an_exception_of_somebody_elses_handler_ends_one_run_and_no_later_one) {
    asio::io_context context;
    AsioLoop adapter(context);
    Reactor reactor(adapter);
    reactor.call_soon([&] { asio::post(context, [] { throw std::runtime_error("not ours"); }); });
    BOOST_CHECK_THROW(reactor.run(), std::runtime_error);
    reactor.call_soon([&] { reactor.stop(); });
    reactor.run();
    BOOST_TEST(!reactor.running());
}
