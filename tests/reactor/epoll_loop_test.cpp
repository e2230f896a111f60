// What EpollLoop promises beyond the seam: all of it is behind one descriptor, for any loop to watch; and it makes
// no system call that it does not need.
#define BOOST_TEST_MODULE reactor_epoll_loop
#include "plait/reactor/loops/epoll_loop.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "plait/deferred/errors.hpp"
#include "plait/reactor/detail/loop_lab.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/unique_fd.hpp"
#include "plait/tests/reactor/descriptor_limit.hpp"
#include "plait/tests/reactor/open_descriptors.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using plait::detail::TwoEnds;
using namespace std::chrono_literals;

namespace {

struct Listener final : EventHandler {
    void event_ready(IOFlags flags) noexcept override {
        ++times;
        last = flags;
        if (then) then();
    }
    std::function<void()> then;
    int times = 0;
    IOFlags last = IOFlags::none;
};

/// Somebody else's loop: waits for one descriptor, as poll(2), GLib and all others can.
bool readable(int fd, std::chrono::milliseconds longest = 0ms) {
    pollfd asked{fd, POLLIN, 0};
    return ::poll(&asked, 1, static_cast<int>(longest.count())) == 1;
}

struct Guest {
    Listener& watch(const TwoEnds& ends, IOFlags flags = IOFlags::read) {
        event = below.io_event_factory(ends.near.get(), heard);
        below.update_event(*event, EventAction::watch, flags);
        return heard;
    }
    ~Guest() {
        if (event != nullptr) below.update_event(*event, EventAction::cleanup, IOFlags::none);
    }

    EpollLoop below;
    Listener heard;
    std::unique_ptr<IOEvent> event;
};

}  // namespace

BOOST_AUTO_TEST_CASE(its_descriptor_is_readable_while_a_watched_one_is_ready) {
    const TwoEnds ends = TwoEnds::sockets();
    Guest guest;
    const Listener& heard = guest.watch(ends);
    BOOST_TEST(!readable(guest.below.fileno()));
    ends.send();
    BOOST_TEST(readable(guest.below.fileno()));
    guest.below.step(0us);
    BOOST_TEST(heard.times == 1);
    BOOST_TEST(readable(guest.below.fileno()));  // nobody has read it
    guest.below.update_event(*guest.event, EventAction::unwatch, IOFlags::none);
    BOOST_TEST(!readable(guest.below.fileno()));
}

BOOST_AUTO_TEST_CASE(its_descriptor_is_readable_when_a_timer_is_due_and_not_before) {
    EpollLoop below;
    Listener heard;
    const auto timer = below.timer_event_factory(heard);
    const auto start = std::chrono::steady_clock::now();
    below.update_timer(*timer, EventAction::watch, 20ms);
    BOOST_TEST(!readable(below.fileno()));
    BOOST_TEST(readable(below.fileno(), 20s));
    BOOST_TEST((std::chrono::steady_clock::now() - start >= 20ms));
    below.step(0us);
    BOOST_TEST(heard.times == 1);
    BOOST_TEST(!readable(below.fileno()));
    below.update_timer(*timer, EventAction::cleanup, 0us);
}

BOOST_AUTO_TEST_CASE(a_timer_that_was_moved_wakes_it_at_its_own_time) {
    EpollLoop below;
    Listener heard;
    const auto timer = below.timer_event_factory(heard);
    below.update_timer(*timer, EventAction::watch, 1h);
    below.update_timer(*timer, EventAction::watch, 1ms);  // nearer
    BOOST_TEST(readable(below.fileno(), 20s));
    below.update_timer(*timer, EventAction::watch, 30ms);  // farther: the alarm goes off once, and is set again
    below.step(0us);
    BOOST_TEST(heard.times == 0);
    while (heard.times == 0) {
        BOOST_REQUIRE(readable(below.fileno(), 20s));
        below.step(0us);
    }
    below.update_timer(*timer, EventAction::cleanup, 0us);
}

BOOST_AUTO_TEST_CASE(a_reactor_is_a_guest_behind_one_descriptor) {
    EpollLoop below;
    Reactor reactor(below);
    std::string order;
    reactor.call_soon([&] { order += 'a'; });
    auto later = reactor.call_later(1ms, [&] { order += 'b'; });
    const auto turn_until = [&](std::size_t count) {
        while (order.size() < count) {
            BOOST_REQUIRE(readable(below.fileno(), 20s));
            below.step(0us);
        }
    };
    turn_until(2);
    std::thread other([&] { reactor.call_from_thread([&] { order += 'c'; }); });
    turn_until(3);
    other.join();
    BOOST_TEST(order == "abc");
    // With nothing to do it does not wake the loop it is in.
    while (readable(below.fileno()))
        below.step(0us);
    BOOST_TEST(!readable(below.fileno(), 30ms));
}

BOOST_AUTO_TEST_CASE(a_connection_of_a_guest_is_served) {
    EpollLoop below;
    Reactor reactor(below);
    const auto server = std::make_shared<Recorder>();
    const auto port = listen_tcp(reactor, {"127.0.0.1", 0}, make_factory([&](const Address&) { return server; }));
    RawPeer peer(port->address());
    peer.send("hello");
    while (server->received != "hello") {
        BOOST_REQUIRE(readable(below.fileno(), 20s));
        below.step(0us);
    }
    server->transport().write("and back");  // outside any turn of the reactor
    while (readable(below.fileno()))
        below.step(0us);
    std::string answer;
    while (answer.size() < 8 && readable(peer.fd(), 20s))
        answer += peer.take();
    BOOST_TEST(answer == "and back");
}

BOOST_AUTO_TEST_CASE(a_descriptor_that_cannot_be_watched_is_told_in_the_next_pass) {
    TwoEnds ends = TwoEnds::sockets();
    ends.near.reset();  // its number is free now
    Guest guest;
    guest.event = guest.below.io_event_factory(9999, guest.heard);
    guest.below.update_event(*guest.event, EventAction::watch, IOFlags::read);
    BOOST_TEST(guest.heard.times == 0);
    BOOST_TEST(readable(guest.below.fileno()));
    guest.below.step(0us);
    BOOST_TEST(guest.heard.times == 1);
    BOOST_TEST((guest.heard.last == (IOFlags::error | IOFlags::read)));
    BOOST_TEST(guest.below.size() == 0u);
    BOOST_TEST(!readable(guest.below.fileno()));
}

BOOST_AUTO_TEST_CASE(a_regular_file_is_always_ready) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
    BOOST_REQUIRE(file != nullptr);
    Guest guest;
    guest.event = guest.below.io_event_factory(::fileno(file.get()), guest.heard);
    guest.below.update_event(*guest.event, EventAction::watch, IOFlags::read);
    for (int times = 1; times <= 3; ++times) {
        BOOST_TEST(readable(guest.below.fileno()));
        guest.below.step(0us);
        BOOST_TEST(guest.heard.times == times);
        BOOST_TEST((guest.heard.last == IOFlags::read));
    }
    guest.below.update_event(*guest.event, EventAction::unwatch, IOFlags::none);
    guest.below.step(0us);
    BOOST_TEST(!readable(guest.below.fileno()));
    BOOST_TEST(guest.heard.times == 3);
}

BOOST_AUTO_TEST_CASE(a_descriptor_that_somebody_else_still_has_is_forgotten_at_cleanup_in_a_pass) {
    TwoEnds ends = TwoEnds::sockets();
    const TwoEnds other = TwoEnds::sockets();
    EpollLoop below;
    Listener heard;
    auto event = below.io_event_factory(ends.near.get(), heard);
    below.update_event(*event, EventAction::watch, IOFlags::read);
    const UniqueFd kept(::dup(ends.near.get()));  // as a child process keeps it
    Listener ending;
    ending.then = [&] {
        below.update_event(*event, EventAction::cleanup, IOFlags::none);
        event.reset();
        ends.near.reset();
    };
    const auto end = below.io_event_factory(other.near.get(), ending);
    below.update_event(*end, EventAction::watch, IOFlags::write);
    below.step(0us);
    BOOST_TEST(ending.times == 1);
    below.update_event(*end, EventAction::cleanup, IOFlags::none);
    ends.send();
    BOOST_TEST(!readable(below.fileno()));
}

BOOST_AUTO_TEST_CASE(what_was_found_before_a_watch_began_is_not_told) {
    const TwoEnds both[] = {TwoEnds::sockets(), TwoEnds::sockets()};
    EpollLoop below;
    Listener heard[2];
    std::unique_ptr<IOEvent> events[2];
    for (std::size_t i : {0u, 1u}) {
        both[i].send();
        events[i] = below.io_event_factory(both[i].near.get(), heard[i]);
        below.update_event(*events[i], EventAction::watch, IOFlags::read);
        heard[i].then = [&, other = 1 - i] {
            below.update_event(*events[other], EventAction::unwatch, IOFlags::none);
            below.update_event(*events[other], EventAction::watch, IOFlags::read);
        };
    }
    below.step(0us);  // whichever comes first watches the other anew
    BOOST_TEST(heard[0].times + heard[1].times == 1);
    below.step(0us);
    BOOST_TEST(heard[0].times + heard[1].times == 2);
    for (const auto& event : events)
        below.update_event(*event, EventAction::cleanup, IOFlags::none);
}

BOOST_AUTO_TEST_CASE(a_second_event_on_a_descriptor_leaves_no_copy_of_it_open) {
    const TwoEnds ends = TwoEnds::sockets();
    Guest guest;
    guest.watch(ends);
    const auto before = open_descriptors();
    Listener heard;
    const auto second = guest.below.io_event_factory(ends.near.get(), heard);
    guest.below.update_event(*second, EventAction::watch, IOFlags::write);
    BOOST_TEST(open_descriptors() == before + 1);
    guest.below.step(0us);
    BOOST_TEST(heard.times == 1);
    BOOST_TEST(guest.heard.times == 0);
    guest.below.update_event(*second, EventAction::unwatch, IOFlags::none);
    BOOST_TEST(open_descriptors() == before);
    guest.below.update_event(*second, EventAction::watch, IOFlags::write);
    guest.below.update_event(*second, EventAction::cleanup, IOFlags::none);
    BOOST_TEST(open_descriptors() == before);
}

BOOST_AUTO_TEST_CASE(more_that_is_ready_than_one_pass_takes_is_told_by_the_next,
                     *boost::unit_test::precondition(MayOpen(2000))) {
    constexpr std::size_t count = 1500;
    const TwoEnds ends = TwoEnds::sockets();
    ends.send();
    EpollLoop below;
    std::vector<Listener> heard(count);
    std::vector<UniqueFd> copies;
    std::vector<std::unique_ptr<IOEvent>> events;
    for (std::size_t i = 0; i < count; ++i) {
        copies.emplace_back(::dup(ends.near.get()));
        events.push_back(below.io_event_factory(copies.back().get(), heard[i]));
        below.update_event(*events.back(), EventAction::watch, IOFlags::read);
    }
    below.step(0us);
    below.step(0us);
    std::size_t told = 0;
    for (const Listener& one : heard)
        told += one.times > 0 ? 1 : 0;
    BOOST_TEST(told == count);
    for (const auto& event : events)
        below.update_event(*event, EventAction::cleanup, IOFlags::none);
    BOOST_TEST(below.size() == 0u);
}

BOOST_AUTO_TEST_CASE(a_pass_is_not_asked_for_inside_another) {
    EpollLoop below;
    Reactor reactor(below);
    bool asked = false;
    reactor.call_soon([&] {
        asked = true;
        BOOST_CHECK_THROW(below.step(), InvalidState);
        BOOST_CHECK_THROW(below.start_watching(), InvalidState);
    });
    below.step();
    BOOST_TEST(asked);
    reactor.call_soon([&] { below.stop_watching(); });
    below.start_watching();  // still possible
}

BOOST_AUTO_TEST_CASE(without_descriptors_it_says_so_and_keeps_none) {
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const int free = UniqueFd(::dup(0)).get();  // the lowest number that nobody has
    for (const int more : {0, 1}) {
        rlimit few = before;
        few.rlim_cur = static_cast<rlim_t>(free + more);
        ::setrlimit(RLIMIT_NOFILE, &few);
        BOOST_CHECK_EXCEPTION(EpollLoop(), std::system_error,
                              [](const std::system_error& error) { return error.code().value() == EMFILE; });
        ::setrlimit(RLIMIT_NOFILE, &before);
        BOOST_TEST(UniqueFd(::dup(0)).get() == free);
    }
}
