#include "plait/reactor/detail/file_ends.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <utility>

#include "plait/deferred/contain.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait::detail {
namespace {

/// Not one that is open for both: that is readable whenever something is in it, and never without a reader.
bool is_writing_end(int fd) noexcept {
    struct stat about{};
    return ::fstat(fd, &about) == 0 && S_ISFIFO(about.st_mode) && (::fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY;
}

}  // namespace

bool can_be_watched(int fd) noexcept {
    const UniqueFd loop(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event nothing{};
    return ::epoll_ctl(loop.get(), EPOLL_CTL_ADD, fd, &nothing) == 0 || errno != EPERM;
}

FileEnds::FileEnds(ReactorCore& core, int in, UniqueFd out, bool both_ways, FileEndsOwner& owner)
    : core_(core), owner_(owner), out_(std::move(out)), in_(in), both_ways_(both_ways) {
    if (in >= 0 && can_be_watched(in)) in_watch_.emplace(core_.iops(), in, static_cast<EventHandler&>(*this));
    if (!out_ || !can_be_watched(out_.get())) return;
    out_watch_.emplace(core_.iops(), out_.get(), static_cast<EventHandler&>(out_handler_));
    out_is_pipe_ = is_writing_end(out_.get());
}

void FileEnds::watch(bool read, bool write) noexcept {
    reading_ = read;
    writing_ = write;
    const IOFlags out_flags = write && write_fd() >= 0 ? IOFlags::write : IOFlags::none;
    if (in_watch_) in_watch_->watch((read ? IOFlags::read : IOFlags::none) | (both_ways_ ? out_flags : IOFlags::none));
    // A pipe is never readable at its writing end: what is reported there is that nobody reads any more.
    if (out_watch_) out_watch_->watch(out_flags | (out_is_pipe_ ? IOFlags::read : IOFlags::none));
    take_turns();
}

IOFlags FileEnds::unwatched() const noexcept {
    const bool read = reading_ && in_ >= 0 && !in_watch_;
    const bool write = writing_ && has_out() && !(both_ways_ ? in_watch_ : out_watch_);
    return (read ? IOFlags::read : IOFlags::none) | (write ? IOFlags::write : IOFlags::none);
}

void FileEnds::take_turns() noexcept {
    if (!any(unwatched())) return turn_.cancel();
    if (turn_.active()) return;
    contain([&] {
        turn_ = core_.reactor().call_later(Duration::zero(), [this] {
            const IOFlags now = unwatched();
            take_turns();  // the next one; this one may be the end
            owner_.end_ready(now);
        });
    });
}

void FileEnds::event_ready(IOFlags flags) noexcept {
    const ReactorCore::Turn turn(core_);
    owner_.end_ready(flags);
}

void FileEnds::out_event(IOFlags flags) noexcept {
    const ReactorCore::Turn turn(core_);
    if (any(flags & (IOFlags::write | IOFlags::error)) && writing_) return owner_.end_ready(IOFlags::write);
    if (!out_is_pipe_ || !reader_is_gone()) return;
    out_is_pipe_ = false;
    out_watch_->remove(IOFlags::read);
    owner_.reader_gone();
}

bool FileEnds::reader_is_gone() const noexcept {
    pollfd asked{out_.get(), 0, 0};
    return ::poll(&asked, 1, 0) > 0 && (asked.revents & (POLLERR | POLLNVAL)) != 0;
}

ssize_t FileEnds::write(std::span<const iovec> pieces) noexcept {
    // Only sockets can be asked not to raise SIGPIPE. Raised in this thread alone while it is blocked here, it is taken
    // back below; if the program blocks it itself, it is the program's.
    sigset_t pipe_signal;
    sigset_t before;
    ::sigemptyset(&pipe_signal);
    ::sigaddset(&pipe_signal, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    const ssize_t written = ::writev(write_fd(), pieces.data(), static_cast<int>(pieces.size()));
    const int error = errno;
    if (::sigismember(&before, SIGPIPE) == 0) {
        const timespec at_once{};
        if (written < 0 && error == EPIPE) ::sigtimedwait(&pipe_signal, nullptr, &at_once);
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
    errno = error;
    return written;
}

void FileEnds::close_out() noexcept {
    out_watch_.reset();
    out_.reset();
    both_ways_ = false;
}

bool FileEnds::forget_closed_out() noexcept {
    if (!out_ || ::fcntl(out_.get(), F_GETFD) >= 0) return false;
    out_watch_.reset();
    static_cast<void>(out_.release());
    return true;
}

}  // namespace plait::detail
