#include "plait/reactor/detail/loop_lab.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace plait::detail {

namespace {

void must(bool done, const char* what) {
    if (!done) throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

void LoopLab::run_for(std::chrono::microseconds time) {
    WatchedTimer end(*this, [this] { stop(); });
    end.set(time);
    run();
}

WatchedEvent::WatchedEvent(LoopLab& lab, int fd, Told to_call)
    : told(std::move(to_call)), lab_(lab), event_(lab.loop().io_event_factory(fd, *this)) {}

WatchedEvent::~WatchedEvent() {
    unwatch();
    lab_.updating([this](IOPS& loop) { loop.update_event(*event_, EventAction::cleanup, IOFlags::none); });
    event_->set_state(Event::State::freed);
}

void WatchedEvent::watch(IOFlags flags) {
    if (flags == event_->flags()) return;
    const EventAction action = any(flags) ? EventAction::watch : EventAction::unwatch;
    lab_.updating([&](IOPS& loop) { loop.update_event(*event_, action, flags); });
    event_->set_flags(flags);
    event_->set_state(any(flags) ? Event::State::active : Event::State::initialized);
}

void WatchedEvent::event_ready(IOFlags flags) noexcept {
    lab_.told();
    ++times_;
    seen_ = seen_ | flags;
    if (const Told call = told) call(flags);
}

WatchedTimer::WatchedTimer(LoopLab& lab, std::function<void()> to_call)
    : told(std::move(to_call)), lab_(lab), event_(lab.loop().timer_event_factory(*this)) {}

WatchedTimer::~WatchedTimer() {
    unwatch();
    lab_.updating([this](IOPS& loop) { loop.update_timer(*event_, EventAction::cleanup, {}); });
    event_->set_state(Event::State::freed);
}

void WatchedTimer::set(std::chrono::microseconds delay) {
    lab_.updating([&](IOPS& loop) { loop.update_timer(*event_, EventAction::watch, delay); });
    event_->set_state(Event::State::active);
}

void WatchedTimer::unwatch() {
    if (event_->state() != Event::State::active) return;
    lab_.updating([this](IOPS& loop) { loop.update_timer(*event_, EventAction::unwatch, {}); });
    event_->set_state(Event::State::initialized);
}

void WatchedTimer::event_ready(IOFlags flags) noexcept {
    lab_.told();
    lab_.expect(!any(flags), "a timer was told with flags");
    event_->set_state(Event::State::initialized);
    ++times_;
    if (const std::function<void()> call = told) call();
}

TwoEnds TwoEnds::sockets() {
    int fds[2];
    must(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0,
         "no pair of sockets to check with");
    return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

TwoEnds TwoEnds::pipe() {
    int fds[2];
    must(::pipe2(fds, O_NONBLOCK | O_CLOEXEC) == 0, "no pipe to check with");
    return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

void TwoEnds::send() const {
    must(::write(far.get(), "x", 1) == 1, "cannot write to a descriptor to check with");
}

void TwoEnds::receive() const {
    char room[256];
    while (::read(near.get(), room, sizeof room) > 0) {
    }
}

}  // namespace plait::detail
