#include "plait/reactor/loops/epoll_loop.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <string>
#include <system_error>
#include <utility>

#include "plait/deferred/errors.hpp"
#include "plait/reactor/detail/intrusive_list.hpp"
#include "plait/reactor/detail/loop_timers.hpp"
#include "plait/reactor/detail/pass_teller.hpp"
#include "plait/reactor/unique_fd.hpp"

namespace plait {

namespace {

using Time = detail::LoopTimers::Time;

constexpr std::size_t nowhere = std::numeric_limits<std::size_t>::max();
constexpr std::size_t most_in_a_pass = 1024;

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

struct Pending;

struct EpollEvent final : IOEvent, detail::ListHook<Pending> {
    using IOEvent::IOEvent;

    int watched_fd() const noexcept { return copy ? copy.get() : fileno(); }

    IOFlags asked = IOFlags::none;
    std::uint32_t registered = 0;  ///< What the system watches it for.
    bool refused = false;          ///< It will not be watched, and has to be told so.
    std::size_t found_at = nowhere;
    UniqueFd copy;  ///< Where another event has the descriptor already: epoll takes each once.
};

using Pendings = detail::IntrusiveList<EpollEvent, Pending>;

std::uint32_t bits(IOFlags flags) noexcept {
    return (any(flags & IOFlags::read) ? EPOLLIN : 0u) | (any(flags & IOFlags::write) ? EPOLLOUT : 0u);
}

// What is over or failed is readable and writable: the read or write then says why.
IOFlags happened(std::uint32_t events) noexcept {
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) return IOFlags::rw;
    return ((events & EPOLLIN) != 0 ? IOFlags::read : IOFlags::none) |
           ((events & EPOLLOUT) != 0 ? IOFlags::write : IOFlags::none);
}

/// As epoll_wait(2) wants it.
int milliseconds(std::chrono::microseconds longest) noexcept {
    if (longest == std::chrono::microseconds::max()) return -1;
    const auto count = std::chrono::ceil<std::chrono::milliseconds>(longest).count();
    return static_cast<int>(std::clamp<std::int64_t>(count, 0, std::numeric_limits<int>::max()));
}

int control(int epoll, EpollEvent& event, int operation, std::uint32_t wanted) noexcept {
    epoll_event about{};
    about.events = wanted;
    about.data.ptr = &event;
    return ::epoll_ctl(epoll, operation, event.watched_fd(), &about) == 0 ? 0 : errno;
}

}  // namespace

struct EpollLoop::State {
    State()
        : epoll(::epoll_create1(EPOLL_CLOEXEC)), alarm(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
        // Told once each time it goes off: nobody has to read it.
        epoll_event about{};
        about.events = EPOLLIN | EPOLLET;
        if (!epoll || !alarm || ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, alarm.get(), &about) != 0)
            fail("cannot make an event loop of epoll and a timerfd");
    }

    // --- what is watched

    void ask(EpollEvent& event, IOFlags flags) noexcept {
        watched += any(flags) ? 1 : 0;
        watched -= any(event.asked) ? 1 : 0;
        event.asked = flags;
        event.refused = false;
        changed.push_back(event);
    }

    void forget(EpollEvent& event) noexcept {
        if (any(event.asked)) ask(event, IOFlags::none);
        if (event.found_at != nowhere) found[std::exchange(event.found_at, nowhere)].data.ptr = nullptr;
    }

    void apply_changes() noexcept {
        while (!changed.empty())
            apply(changed.pop_front());
    }

    void apply(EpollEvent& event) noexcept {
        const std::uint32_t wanted = bits(event.asked);
        if (wanted == event.registered) return;
        const int error = enter(event, wanted);
        event.registered = error == 0 ? wanted : 0;
        if (wanted == 0) event.copy.reset();
        if (error == 0 || wanted == 0) return;
        event.refused = error != EPERM;  // or it is a regular file
        untold.push_back(event);
    }

    /// Returns the system's error.
    int enter(EpollEvent& event, std::uint32_t wanted) const noexcept {
        if (event.registered != 0)
            return control(epoll.get(), event, wanted == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD, wanted);
        const int error = control(epoll.get(), event, EPOLL_CTL_ADD, wanted);
        if (error != EEXIST) return error;
        event.copy.reset(::fcntl(event.fileno(), F_DUPFD_CLOEXEC, 0));
        return control(epoll.get(), event, EPOLL_CTL_ADD, wanted);
    }

    // --- the time

    /// Has the alarm go off for the next timer. One that is set for earlier may stay: it wakes the loop once.
    void set_alarm(Time next) noexcept {
        if (next >= alarmed) return;
        alarmed = next;
        using namespace std::chrono;
        const auto whole = duration_cast<seconds>(next.time_since_epoch());
        const nanoseconds rest = next.time_since_epoch() - whole;
        itimerspec when{};
        when.it_value = {static_cast<time_t>(whole.count()), static_cast<long>(rest.count())};
        ::timerfd_settime(alarm.get(), TFD_TIMER_ABSTIME, &when, nullptr);
    }

    /// Whether there is something to tell now; otherwise the alarm is set.
    bool due() noexcept {
        if (!untold.empty()) return true;
        const Time next = timers.next();
        if (next >= alarmed) return false;
        if (next <= std::chrono::steady_clock::now()) return true;
        set_alarm(next);
        return false;
    }

    /// Outside a pass others may be waiting for our descriptor: nothing is put off until the next one.
    void settle() noexcept {
        apply_changes();
        set_alarm(untold.empty() ? timers.next() : std::chrono::steady_clock::now());
    }

    // --- a pass

    /// Returns how many were found.
    std::size_t wait(std::chrono::microseconds longest) {
        apply_changes();
        timers_due = due();
        const int limit = timers_due ? 0 : milliseconds(longest);
        const int count = ::epoll_wait(epoll.get(), found.data(), static_cast<int>(found.size()), limit);
        if (count < 0 && errno != EINTR) fail("epoll_wait(2) failed");
        return static_cast<std::size_t>(std::max(count, 0));
    }

    void pass(std::size_t count) noexcept {
        passes.begin();
        for (std::size_t i = 0; i < count; ++i)
            note(i);
        for (std::size_t i = 0; i < count; ++i)
            tell(found[i]);
        tell_untold();
        if (timers_due) timers.tell_due();
        passes.end();
    }

    void note(std::size_t place) noexcept {
        if (auto* const event = static_cast<EpollEvent*>(found[place].data.ptr)) {
            event->found_at = place;
        } else {
            alarmed = Time::max();
            timers_due = true;
        }
    }

    static void tell(const epoll_event& what) noexcept {
        auto* const event = static_cast<EpollEvent*>(what.data.ptr);
        if (event == nullptr) return;
        event->found_at = nowhere;
        if (const IOFlags flags = happened(what.events) & event->asked; any(flags)) event->ready(flags);
    }

    void tell_untold() noexcept {
        Pendings these;
        these.splice_back(untold);
        while (!these.empty()) {
            EpollEvent& event = these.pop_front();
            IOFlags flags = event.asked;
            if (std::exchange(event.refused, false)) {
                flags = flags | IOFlags::error;
                event.asked = IOFlags::none;
                --watched;
            } else {
                untold.push_back(event);
            }
            event.ready(flags);
        }
    }

    UniqueFd epoll;
    UniqueFd alarm;
    Time alarmed = Time::max();                     // when the alarm goes off
    std::array<epoll_event, most_in_a_pass> found;  // null stands for the alarm, and for what was forgotten since
    Pendings changed;                               // not yet told to the system
    Pendings untold;  // refused by the system, or always ready: the system will not tell of them
    std::size_t watched = 0;
    detail::LoopTimers timers;
    detail::PassTeller passes;
    bool timers_due = false;
    bool inside = false;  // a pass, or the wait for it
    bool stopped = false;
};

/// While the loop makes passes it puts changes off until the next wait.
class EpollLoop::Inside {
public:
    Inside(State& state, const char* what) : state_(state) {
        if (std::exchange(state_.inside, true))
            throw InvalidState(std::string("EpollLoop::") + what +
                               "() was called from inside a callback of the same loop");
    }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    ~Inside() {
        state_.inside = false;
        state_.settle();
    }

private:
    State& state_;
};

EpollLoop::EpollLoop() : state_(std::make_unique<State>()) {}

EpollLoop::~EpollLoop() = default;

void EpollLoop::update_event(IOEvent& event, EventAction action, IOFlags flags) {
    auto& own = static_cast<EpollEvent&>(event);
    if (action == EventAction::watch) {
        state_->ask(own, flags);
    } else {
        state_->forget(own);
    }
    // The descriptor may be closed right after a cleanup; who else has it would keep it in the system's list.
    if (action == EventAction::cleanup && own.linked()) {
        own.unlink();
        state_->apply(own);
    }
    if (!state_->inside) state_->settle();
}

void EpollLoop::update_timer(TimerEvent& timer, EventAction action, std::chrono::microseconds delay) {
    state_->timers.update(timer, action, delay);
    if (!state_->inside) state_->settle();
}

void EpollLoop::start_watching() {
    const Inside inside(*state_, "start_watching");
    for (state_->stopped = false; !state_->stopped && size() != 0;)
        state_->pass(state_->wait(std::chrono::microseconds::max()));
}

void EpollLoop::stop_watching() {
    state_->stopped = true;
}

void EpollLoop::watch_passes(PassHandler* handler) {
    state_->passes.set(handler);
}

std::unique_ptr<IOEvent> EpollLoop::io_event_factory(int fd, EventHandler& handler) {
    return std::make_unique<EpollEvent>(fd, handler);
}

std::unique_ptr<TimerEvent> EpollLoop::timer_event_factory(EventHandler& handler) {
    return detail::LoopTimers::make(handler);
}

void EpollLoop::step(std::chrono::microseconds longest) {
    const Inside inside(*state_, "step");
    state_->pass(state_->wait(longest));
}

int EpollLoop::fileno() const noexcept {
    return state_->epoll.get();
}

std::size_t EpollLoop::size() const noexcept {
    return state_->watched + state_->timers.size();
}

}  // namespace plait
