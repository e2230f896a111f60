#include "plait/reactor/stdio.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "plait/reactor/detail/attempt_pause.hpp"
#include "plait/reactor/detail/socket.hpp"
#include "plait/reactor/detail/stream_connection.hpp"
#include "plait/reactor/errors.hpp"

namespace plait {
namespace detail {
namespace {

/// One of the two, and what it was before.
class Standard {
public:
    explicit Standard(int fd) noexcept : fd_(fd), flags_(::fcntl(fd, F_GETFL)) {
        struct stat about{};
        if (::fstat(fd, &about) == 0) type_ = about.st_mode & S_IFMT;
    }

    bool open() const noexcept { return flags_ >= 0; }
    UniqueFd copy() const noexcept { return UniqueFd(::fcntl(fd_, F_DUPFD_CLOEXEC, 3)); }
    void stop_blocking() const noexcept { ::fcntl(fd_, F_SETFL, flags_ | O_NONBLOCK); }

    /// The way it was found, and closed if somebody at the other end of a pipe waits for that.
    void give_back(int direction) noexcept {
        if (std::exchange(given_back_, true)) return;
        ::fcntl(fd_, F_SETFL, flags_);
        if (type_ == S_IFSOCK) ::shutdown(fd_, direction);
        if (type_ != S_IFIFO) return;
        const UniqueFd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
        if (nothing) ::dup2(nothing.get(), fd_);
    }
    /// Its writing ends, the other direction goes on. What is shared with that keeps its flags.
    void end_writing() noexcept {
        if (type_ == S_IFIFO) give_back(SHUT_WR);
        if (type_ == S_IFSOCK) ::shutdown(fd_, SHUT_WR);
    }

private:
    int fd_;
    int flags_;
    mode_t type_ = 0;
    bool given_back_ = false;
};

class StdioConnection final : public StreamConnection {
public:
    static std::optional<Failure> start(ReactorCore& core, Standard in, Standard out,
                                        std::shared_ptr<Protocol> protocol) {
        StreamEnds ends{in.copy(), out.copy(), StreamEnds::Kind::files};
        if (!ends.in || !ends.out)
            return make_failure(ConnectError("cannot use standard input and output: " + error_text(errno)));
        auto* self = new StdioConnection(core, std::move(ends), in, out, std::move(protocol));
        // From here on it gives them back: what fails before has changed nothing.
        in.stop_blocking();
        out.stop_blocking();
        return self->begin();
    }

private:
    StdioConnection(ReactorCore& core, StreamEnds ends, Standard in, Standard out, std::shared_ptr<Protocol> protocol)
        : StreamConnection(core, std::move(ends), {"standard input and output", 0}, {"standard input and output", 0},
                           std::move(protocol)),
          in_(in),
          out_(out) {}

    void out_closed() noexcept override { out_.end_writing(); }
    void ends_closing() noexcept override {
        in_.give_back(SHUT_RD);
        out_.give_back(SHUT_WR);
    }

    Standard in_;
    Standard out_;
};

}  // namespace
}  // namespace detail

Deferred<std::shared_ptr<Protocol>> open_stdio(Reactor& reactor, std::shared_ptr<Protocol> protocol,
                                               StdioDescriptors descriptors) {
    for (const int fd : {descriptors.in, descriptors.out})
        if (!detail::Standard(fd).open())
            return fail<std::shared_ptr<Protocol>>(ConnectError("cannot use standard input and output: descriptor " +
                                                                std::to_string(fd) + " is not open"));
    return detail::pause_attempt(reactor, Duration::zero(), "standard input and output, about to be opened",
                                 make_failure(ConnectError("cannot use standard input and output: the reactor was "
                                                           "stopped or destroyed")))
        .add_callback([&core = reactor.core(), descriptors, protocol = std::move(protocol)] {
            // Both are looked at before either is changed: a terminal is often one for the two.
            const detail::Standard in(descriptors.in);
            const detail::Standard out(descriptors.out);
            const auto failure = detail::StdioConnection::start(core, in, out, protocol);
            if (failure) failure->raise();
            return protocol;
        });
}

}  // namespace plait
