#include "plait/reactor/loops/poll_loop.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "plait/deferred/errors.hpp"
#include "plait/reactor/detail/loop_timers.hpp"
#include "plait/reactor/detail/pass_teller.hpp"

namespace plait {

namespace {

constexpr std::size_t nowhere = std::numeric_limits<std::size_t>::max();

struct PollEvent final : IOEvent {
    using IOEvent::IOEvent;

    std::size_t place = nowhere;
};

short asked(IOFlags flags) noexcept {
    return static_cast<short>((any(flags & IOFlags::read) ? POLLIN : 0) | (any(flags & IOFlags::write) ? POLLOUT : 0));
}

// What is over or failed is readable and writable: the read or write then says why.
IOFlags happened(const pollfd& polled) noexcept {
    const bool over = (polled.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
    IOFlags flags = (polled.revents & POLLNVAL) != 0 ? IOFlags::error : IOFlags::none;
    if ((polled.events & POLLIN) != 0 && (over || (polled.revents & POLLIN) != 0)) flags = flags | IOFlags::read;
    if ((polled.events & POLLOUT) != 0 && (over || (polled.revents & POLLOUT) != 0)) flags = flags | IOFlags::write;
    return flags;
}

}  // namespace

struct PollLoop::State {
    void watch(PollEvent& event, IOFlags flags) {
        if (event.place == nowhere) add(event);
        polled[event.place].events = asked(flags);
    }

    void add(PollEvent& event) {
        polled.push_back({event.fileno(), 0, 0});
        try {
            events.push_back(&event);
        } catch (...) {
            polled.pop_back();
            throw;
        }
        event.place = events.size() - 1;
    }

    void forget(PollEvent& event) noexcept {
        if (event.place == nowhere) return;
        const std::size_t place = std::exchange(event.place, nowhere);
        events[place] = nullptr;
        if (telling) {
            ++gaps;  // places must stay what they are
        } else {
            close_gap(place);
        }
    }

    void close_gap(std::size_t place) noexcept {
        if (events.back() != nullptr) {
            events[place] = events.back();
            events[place]->place = place;
            polled[place] = polled.back();
        }
        events.pop_back();
        polled.pop_back();
    }

    void close_gaps() noexcept {
        for (std::size_t place = events.size(); gaps > 0 && place-- > 0;) {
            if (events[place] != nullptr) continue;
            close_gap(place);
            --gaps;
        }
    }

    std::optional<timespec> patience(std::chrono::microseconds longest) const noexcept {
        using namespace std::chrono;
        nanoseconds left = std::min<microseconds>(longest, hours(24));
        if (timers.size() != 0)
            left = std::min<nanoseconds>(left, timers.next() - steady_clock::now());
        else if (longest == microseconds::max())
            return std::nullopt;
        left = std::max(left, nanoseconds::zero());
        const auto whole = duration_cast<seconds>(left);
        return timespec{static_cast<time_t>(whole.count()), static_cast<long>((left - whole).count())};
    }

    /// Whether anything is ready.
    bool wait(std::chrono::microseconds longest) {
        const std::optional<timespec> limit = patience(longest);
        const int ready = ::ppoll(polled.data(), polled.size(), limit ? &*limit : nullptr, nullptr);
        if (ready < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "poll(2) failed");
        return ready > 0;
    }

    void tell() noexcept {
        const std::size_t count = polled.size();  // what is watched from now on was not asked about
        for (std::size_t place = 0; place < count; ++place) {
            PollEvent* const event = events[place];
            if (event == nullptr || polled[place].revents == 0) continue;
            const IOFlags flags = happened(polled[place]);
            if (any(flags & IOFlags::error)) forget(*event);  // no descriptor: would be told for ever
            if (any(flags)) event->ready(flags);
        }
    }

    void pass(bool ready) noexcept {
        passes.begin();
        telling = true;
        if (ready) tell();
        timers.tell_due();
        telling = false;
        close_gaps();
        passes.end();
    }

    std::vector<pollfd> polled;
    std::vector<PollEvent*> events;  // beside `polled`; null where one was forgotten
    std::size_t gaps = 0;
    detail::LoopTimers timers;
    detail::PassTeller passes;
    bool telling = false;
    bool stopped = false;
};

PollLoop::PollLoop() : state_(std::make_unique<State>()) {}

PollLoop::~PollLoop() = default;

void PollLoop::update_event(IOEvent& event, EventAction action, IOFlags flags) {
    auto& own = static_cast<PollEvent&>(event);
    if (action == EventAction::watch) {
        state_->watch(own, flags);
    } else {
        state_->forget(own);
    }
}

void PollLoop::update_timer(TimerEvent& timer, EventAction action, std::chrono::microseconds delay) {
    state_->timers.update(timer, action, delay);
}

void PollLoop::start_watching() {
    for (state_->stopped = false; !state_->stopped && size() != 0;)
        step();
}

void PollLoop::stop_watching() {
    state_->stopped = true;
}

void PollLoop::watch_passes(PassHandler* handler) {
    state_->passes.set(handler);
}

std::unique_ptr<IOEvent> PollLoop::io_event_factory(int fd, EventHandler& handler) {
    return std::make_unique<PollEvent>(fd, handler);
}

std::unique_ptr<TimerEvent> PollLoop::timer_event_factory(EventHandler& handler) {
    return detail::LoopTimers::make(handler);
}

void PollLoop::step(std::chrono::microseconds longest) {
    if (state_->telling) throw InvalidState("PollLoop::step() was called from inside a callback of the same loop");
    state_->pass(state_->wait(longest));
}

std::size_t PollLoop::size() const noexcept {
    return state_->polled.size() - state_->gaps + state_->timers.size();
}

}  // namespace plait
