// What a loop has to do with descriptors.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <optional>

#include "plait/reactor/detail/loop_lab.hpp"

namespace plait::detail {

namespace {

using namespace std::chrono_literals;

constexpr auto a_while = 10ms;  // many passes of a loop that has something to tell

void level_triggered(LoopLab& lab) {
    const TwoEnds ends = TwoEnds::sockets();
    ends.send();
    WatchedEvent event(lab, ends.near.get());
    event.told = [&](IOFlags) {
        if (event.times() == 5) lab.stop();
    };
    event.watch(IOFlags::read);
    lab.run();
    lab.expect(event.times() >= 5, "the loop ended before a readable descriptor was told five times");
    ends.receive();
    event.forget();
    lab.run_for(a_while);
    lab.expect(event.times() == 0, "a descriptor was told although nothing was left to read");
    ends.send();
    event.told = [&](IOFlags) { lab.stop(); };
    lab.run();
    lab.expect(event.times() == 1, "a descriptor that became readable a second time was not told");
}

void writable_while_there_is_room(LoopLab& lab) {
    const TwoEnds ends = TwoEnds::pipe();
    const std::string block(4096, 'x');
    while (::write(ends.far.get(), block.data(), block.size()) > 0) {
    }
    WatchedEvent event(lab, ends.far.get());
    event.watch(IOFlags::write);
    lab.run_for(a_while);
    lab.expect(event.times() == 0, "a full pipe was told as writable");
    while (::read(ends.near.get(), const_cast<char*>(block.data()), block.size()) > 0) {
    }
    event.told = [&](IOFlags) {
        if (event.times() == 3) lab.stop();
    };
    lab.run();
    lab.expect(event.seen() == IOFlags::write, "a writable pipe was told with other flags than write");
}

void only_what_was_asked_for(LoopLab& lab) {
    const TwoEnds ends = TwoEnds::sockets();
    ends.send();
    WatchedEvent event(lab, ends.near.get());
    for (const IOFlags flags : {IOFlags::write, IOFlags::read, IOFlags::rw, IOFlags::write}) {
        event.watch(flags);
        event.forget();
        lab.run_for(a_while);
        lab.expect(event.seen() == flags, "watched for " + std::to_string(static_cast<int>(flags)) + ", told of " +
                                              std::to_string(static_cast<int>(event.seen())) +
                                              ": `watch` replaces what was watched for, and no more is told");
    }
}

void flags_changed_while_told(LoopLab& lab) {
    const TwoEnds ends = TwoEnds::sockets();
    ends.send();
    WatchedEvent event(lab, ends.near.get());
    std::vector<IOFlags> told;
    event.told = [&](IOFlags flags) {
        told.push_back(flags);
        if (told.size() == 1) event.watch(IOFlags::write);
        if (told.size() == 4) lab.stop();
    };
    event.watch(IOFlags::read);
    lab.run();
    lab.expect(told == std::vector<IOFlags>{IOFlags::read, IOFlags::write, IOFlags::write, IOFlags::write},
               "what was watched for was changed from read to write inside ready(), and read was told again");
}

void unwatched_while_told(LoopLab& lab) {
    const TwoEnds ends = TwoEnds::sockets();
    ends.send();
    WatchedEvent event(lab, ends.near.get());
    event.told = [&](IOFlags) { event.unwatch(); };
    event.watch(IOFlags::read);
    lab.run_for(a_while);
    lab.expect(event.times() == 1, "an event that was unwatched in its own ready() was told again");
    event.watch(IOFlags::read);
    lab.run_for(a_while);
    lab.expect(event.times() == 2, "an event that was unwatched once cannot be watched again");
    event.told = {};
    event.watch(IOFlags::read);
    event.unwatch();
    lab.run_for(a_while);
    lab.expect(event.times() == 2, "an event that was watched and unwatched before any pass was told");
}

/// Whoever is told first takes all others off the list: their news has been found, but must not be told.
template <typename TakeOff>
void others_in_one_pass(LoopLab& lab, TakeOff take_off) {
    constexpr std::size_t count = 16;
    std::deque<TwoEnds> ends;
    std::vector<std::unique_ptr<WatchedEvent>> events(count);
    int told = 0;
    for (std::size_t i = 0; i < count; ++i) {
        ends.push_back(TwoEnds::sockets());
        ends.back().send();
        events[i] = std::make_unique<WatchedEvent>(lab, ends.back().near.get(), [&, i](IOFlags) {
            ++told;
            for (std::size_t other = 0; other < count; ++other)
                if (other != i) take_off(events[other]);
            take_off(events[i]);
        });
        events[i]->watch(IOFlags::read);
    }
    lab.run_for(a_while);
    lab.expect(told == 1, "of events found in one pass, those that the first one told took off the list were told too");
}

void others_unwatched_while_told(LoopLab& lab) {
    others_in_one_pass(lab, [](std::unique_ptr<WatchedEvent>& event) { event->unwatch(); });
}

void others_destroyed_while_told(LoopLab& lab) {
    others_in_one_pass(lab, [](std::unique_ptr<WatchedEvent>& event) { event.reset(); });
}

void destroyed_while_told(LoopLab& lab) {
    for (int round = 0; round < 20; ++round) {
        TwoEnds ends = TwoEnds::sockets();
        ends.send();
        bool told = false;
        std::unique_ptr<WatchedEvent> event;
        event = std::make_unique<WatchedEvent>(lab, ends.near.get(), [&](IOFlags) {
            told = true;
            event.reset();
            ends.near.reset();
            lab.stop();
        });
        event->watch(IOFlags::rw);
        lab.run();
        lab.expect(told, "the loop ended before a readable descriptor was told");
    }
}

void watched_while_others_are_told(LoopLab& lab) {
    const TwoEnds first = TwoEnds::sockets();
    const TwoEnds second = TwoEnds::sockets();
    first.send();
    second.send();
    WatchedEvent later(lab, second.near.get(), [&](IOFlags) { lab.stop(); });
    WatchedEvent event(lab, first.near.get());
    event.told = [&](IOFlags) {
        event.unwatch();
        later.watch(IOFlags::read);
    };
    event.watch(IOFlags::read);
    lab.run();
    lab.expect(later.times() == 1, "an event that was watched from inside ready() was not told");
}

void the_end_of_a_stream(LoopLab& lab) {
    for (const auto make : {&TwoEnds::sockets, &TwoEnds::pipe}) {
        TwoEnds ends = make();
        WatchedEvent event(lab, ends.near.get());
        event.told = [&](IOFlags) {
            if (event.times() == 3) lab.stop();
        };
        event.watch(IOFlags::read);
        ends.far.reset();
        lab.run();
        lab.expect(event.seen() == IOFlags::read,
                   "a stream that has ended is readable, until that is not asked any more");
    }
    TwoEnds ends = TwoEnds::pipe();
    WatchedEvent event(lab, ends.far.get());
    event.told = [&](IOFlags) {
        if (event.times() == 3) lab.stop();
    };
    ends.near.reset();
    event.watch(IOFlags::write);
    lab.run();
    lab.expect(event.seen() == IOFlags::write, "a pipe that nobody reads is writable: the write says why");
}

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = port;
    return address;
}

/// A port that nobody listens on: bound, so that nobody else gets it.
std::uint16_t closed_port(const UniqueFd& bound) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (!bound || ::bind(bound.get(), any, size) != 0 || ::getsockname(bound.get(), any, &size) != 0) return 0;
    return address.sin_port;
}

void a_failed_connection(LoopLab& lab) {
    const UniqueFd bound(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in nobody = loopback(closed_port(bound));
    for (const IOFlags flags : {IOFlags::write, IOFlags::read, IOFlags::rw}) {
        const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        WatchedEvent event(lab, socket.get());
        event.told = [&](IOFlags) {
            if (event.times() >= 4 && (event.seen() & flags) == flags) lab.stop();
        };
        event.watch(flags);
        if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&nobody), sizeof nobody) == 0) return;
        lab.run();
        lab.expect((event.seen() & IOFlags::rw) == flags,
                   "a connection that was refused is ready for whatever it is watched for, until that changes");
    }
}

void a_descriptor_that_is_none(LoopLab& lab) {
    TwoEnds ends = TwoEnds::sockets();
    const int closed = ends.near.get();
    ends.near.reset();
    WatchedEvent event(lab, closed);
    event.watch(IOFlags::read);
    lab.run_for(a_while);
    lab.expect(event.times() == 1 && event.seen() == (IOFlags::read | IOFlags::error),
               "a descriptor that is not open is told once, with `error` and what it is watched for, and not watched; "
               "told " +
                   std::to_string(event.times()) + " times, of " + std::to_string(static_cast<int>(event.seen())));
}

void a_regular_file(LoopLab& lab) {
    std::FILE* const file = std::tmpfile();
    if (file == nullptr) return;
    WatchedEvent event(lab, ::fileno(file));
    event.told = [&](IOFlags flags) {
        if (event.times() == 3 || any(flags & IOFlags::error)) lab.stop();
    };
    event.watch(IOFlags::read);
    lab.run();
    const bool refused = event.times() == 1 && any(event.seen() & IOFlags::error);
    lab.expect(refused || event.times() == 3, "a regular file is always ready, or refused with `error`");
    event.unwatch();
    event.forget();
    lab.run_for(a_while);
    lab.expect(event.times() == 0, "a regular file was told although it was not watched any more");
    std::fclose(file);
}

void a_number_used_again(LoopLab& lab) {
    TwoEnds old = TwoEnds::sockets();
    const int number = old.near.get();
    old.send();
    std::unique_ptr<WatchedEvent> fresh_event;
    std::optional<TwoEnds> fresh;
    auto old_event = std::make_unique<WatchedEvent>(lab, number);
    old_event->told = [&](IOFlags) {
        old_event.reset();
        old.near.reset();
        fresh = TwoEnds::sockets();
        if (fresh->near.get() != number) {  // not the lowest free number: make it so
            if (::dup2(fresh->near.get(), number) != number) return lab.stop();
            fresh->near = UniqueFd(number);
        }
        fresh_event = std::make_unique<WatchedEvent>(lab, number);
        fresh_event->watch(IOFlags::read);
    };
    old_event->watch(IOFlags::read);
    lab.run_for(a_while);
    if (!fresh_event) return lab.expect(false, "a readable descriptor was not told");
    lab.expect(fresh_event->times() == 0,
               "a new descriptor was told what had happened to an old one of the same number");
    fresh->send();
    fresh_event->told = [&](IOFlags) { lab.stop(); };
    lab.run();
    lab.expect(fresh_event->times() == 1, "a descriptor with the number of one that was closed is not watched");
}

void many_descriptors(LoopLab& lab) {
    constexpr std::size_t count = 200;
    std::deque<TwoEnds> ends;
    std::deque<WatchedEvent> events;
    std::size_t left = count;
    for (std::size_t i = 0; i < count; ++i) {
        ends.push_back(TwoEnds::sockets());
        events.emplace_back(lab, ends.back().near.get(), [&, i](IOFlags) {
            events[i].unwatch();
            if (--left == 0) lab.stop();
        });
        events.back().watch(IOFlags::read);
    }
    for (const TwoEnds& pair : ends)
        pair.send();
    lab.run();
    lab.expect(left == 0, "of 200 readable descriptors " + std::to_string(left) + " were not told");
}

void a_large_number(LoopLab& lab) {
    constexpr int large = 2'000;
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur <= large && limit.rlim_max > large) {
        limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 2 * large);
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    const TwoEnds ends = TwoEnds::sockets();
    const UniqueFd high(::fcntl(ends.near.get(), F_DUPFD_CLOEXEC, large));
    if (!high) return;  // the system does not allow so many
    ends.send();
    WatchedEvent event(lab, high.get(), [&](IOFlags) { lab.stop(); });
    event.watch(IOFlags::read);
    lab.run();
    lab.expect(event.times() == 1, "a descriptor with a number above 1024 was not told");
}

void what_the_factory_makes(LoopLab& lab) {
    const TwoEnds ends = TwoEnds::sockets();
    WatchedEvent event(lab, ends.near.get());
    WatchedTimer timer(lab);
    lab.expect(event.event().fileno() == ends.near.get(), "io_event_factory() made an event of another descriptor");
    lab.expect(event.event().type() == Event::Type::io && timer.event().type() == Event::Type::timer,
               "a factory made an event of another type");
    lab.expect(event.event().state() == Event::State::initialized && timer.event().state() == Event::State::initialized,
               "a factory made an event in another state than initialized");
    event.event().ready_r();
    event.event().ready_w();
    lab.expect(event.times() == 2 && event.seen() == IOFlags::rw, "an event does not tell the handler it was made for");
}

void two_events_on_one_descriptor(LoopLab& lab) {
    const TwoEnds ends = TwoEnds::sockets();
    ends.send();
    WatchedEvent writer(lab, ends.near.get());
    auto reader = std::make_unique<WatchedEvent>(lab, ends.near.get());
    writer.watch(IOFlags::write);
    reader->watch(IOFlags::read);
    lab.run_for(a_while);
    lab.expect(reader->seen() == IOFlags::read && writer.seen() == IOFlags::write,
               "two events that watch one descriptor are not both told, of what each is watched for");
    reader.reset();
    writer.forget();
    lab.run_for(a_while);
    lab.expect(writer.seen() == IOFlags::write, "destroying one of two events on a descriptor ends the other");
    WatchedEvent again(lab, ends.near.get(), [&](IOFlags) { again.unwatch(); });
    again.watch(IOFlags::read);
    writer.watch(IOFlags::read);
    writer.forget();
    lab.run_for(a_while);
    lab.expect(again.times() == 1 && writer.seen() == IOFlags::read,
               "unwatching one of two events on a descriptor ends the other");
}

}  // namespace

std::vector<LoopCheck> descriptor_checks() {
    return {
        {"what the factories make", what_the_factory_makes},
        {"level-triggered", level_triggered},
        {"writable while there is room", writable_while_there_is_room},
        {"only what was asked for", only_what_was_asked_for},
        {"flags changed while told", flags_changed_while_told},
        {"unwatched while told", unwatched_while_told},
        {"others unwatched while told", others_unwatched_while_told},
        {"others destroyed while told", others_destroyed_while_told},
        {"destroyed while told", destroyed_while_told},
        {"watched while others are told", watched_while_others_are_told},
        {"the end of a stream", the_end_of_a_stream},
        {"a failed connection", a_failed_connection},
        {"a descriptor that is none", a_descriptor_that_is_none},
        {"a regular file", a_regular_file},
        {"a number used again", a_number_used_again},
        {"many descriptors", many_descriptors},
        {"a large number", a_large_number},
    };
}

std::vector<LoopCheck> shared_descriptor_checks() {
    return {{"two events on one descriptor", two_events_on_one_descriptor}};
}

}  // namespace plait::detail
