// MyLoop: an event loop of about a hundred lines, as somebody would write it to put Plait on it.
// docs/foreign_loops.md shows it; it is not part of the library.
#pragma once

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "plait/reactor/iops.hpp"
#include "plait/reactor/unique_fd.hpp"

class MyLoop final : public plait::IOPS {
public:
    using Clock = std::chrono::steady_clock;
    using Action = plait::EventAction;
    using Flags = plait::IOFlags;

    // --- What is watched. The factories make events with room for what this loop has to know of them.

    std::unique_ptr<plait::IOEvent> io_event_factory(int fd, plait::EventHandler& handler) override {
        return std::make_unique<Descriptor>(fd, handler);
    }

    std::unique_ptr<plait::TimerEvent> timer_event_factory(plait::EventHandler& handler) override {
        return std::make_unique<Timer>(handler);
    }

    void update_event(plait::IOEvent& event, Action action, Flags flags) override {
        auto& own = static_cast<Descriptor&>(event);
        if (action != Action::watch) {
            if (watched_.erase(own.number) != 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, own.fileno(), nullptr);
            return;
        }
        const bool known = watched_.count(own.number) != 0;
        if (!known) {
            own.number = ++count_;  // never used twice, as numbers of descriptors are
            watched_[own.number] = &own;
        }
        own.asked = flags;
        epoll_event wanted{};
        wanted.events = (any(flags & Flags::read) ? EPOLLIN : 0u) | (any(flags & Flags::write) ? EPOLLOUT : 0u);
        wanted.data.u64 = own.number;
        if (::epoll_ctl(epoll_.get(), known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, own.fileno(), &wanted) != 0)
            refused_.push_back(own.number);  // not now: ready() is never called from in here
    }

    void update_timer(plait::TimerEvent& event, Action action, std::chrono::microseconds delay) override {
        auto& own = static_cast<Timer&>(event);
        timers_.erase({own.due, &own});
        if (action != Action::watch) return;
        own.due = Clock::now() + delay;
        timers_.insert({own.due, &own});
    }

    // --- Running it.

    void start_watching() override {
        for (stopped_ = false; !stopped_;)
            turn();
    }

    void stop_watching() override { stopped_ = true; }

    void turn() {
        std::array<epoll_event, 64> found;
        const int count = ::epoll_wait(epoll_.get(), found.data(), static_cast<int>(found.size()), patience());
        for (int i = 0; i < count; ++i)  // none when a signal came
            tell(found[static_cast<std::size_t>(i)].data.u64, happened(found[static_cast<std::size_t>(i)].events));
        for (const std::uint64_t number : std::exchange(refused_, {}))
            tell_refused(number);
        const Clock::time_point now = Clock::now();
        while (!timers_.empty() && timers_.begin()->first <= now) {
            Timer* const due = timers_.begin()->second;
            timers_.erase(timers_.begin());  // one-shot
            due->ready(Flags::none);
        }
    }

private:
    struct Descriptor final : plait::IOEvent {
        using IOEvent::IOEvent;
        std::uint64_t number = 0;
        Flags asked = Flags::none;
    };

    struct Timer final : plait::TimerEvent {
        using TimerEvent::TimerEvent;
        Clock::time_point due;
    };

    // What was told before, in the same pass, may have taken it off the list, and destroyed it.
    void tell(std::uint64_t number, Flags happened) {
        const auto place = watched_.find(number);
        if (place == watched_.end()) return;
        if (const Flags flags = happened & place->second->asked; any(flags)) place->second->ready(flags);
    }

    void tell_refused(std::uint64_t number) {
        const auto place = watched_.find(number);
        if (place == watched_.end()) return;
        Descriptor* const refused = place->second;
        watched_.erase(place);
        refused->ready(refused->asked | Flags::error);
    }

    static Flags happened(std::uint32_t events) {
        if ((events & (EPOLLHUP | EPOLLERR)) != 0) return Flags::rw;
        return ((events & EPOLLIN) != 0 ? Flags::read : Flags::none) |
               ((events & EPOLLOUT) != 0 ? Flags::write : Flags::none);
    }

    int patience() const {
        if (!refused_.empty()) return 0;
        if (timers_.empty()) return -1;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first - Clock::now()).count();
        return static_cast<int>(std::clamp<long>(left, 0, 60'000));
    }

    plait::UniqueFd epoll_{::epoll_create1(EPOLL_CLOEXEC)};
    std::unordered_map<std::uint64_t, Descriptor*> watched_;
    std::vector<std::uint64_t> refused_;
    std::set<std::pair<Clock::time_point, Timer*>> timers_;
    std::uint64_t count_ = 0;
    bool stopped_ = false;
};
