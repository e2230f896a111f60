// FileEnds: what a stream over files, pipes or terminals needs that one over a socket does not: a second descriptor,
// turns for what a loop cannot watch, writes that raise no signal. Decides nothing about the stream.
#pragma once

#include <sys/uio.h>

#include <optional>
#include <span>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/detail/io_watch.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/unique_fd.hpp"

namespace plait::detail {

/// Who is told what happens at the ends.
class FileEndsOwner {
public:
    /// Read, write what there is: the kernel is ready, or would not tell when it is. In a turn.
    virtual void end_ready(IOFlags flags) noexcept = 0;
    /// Nobody reads what is written to `out` any more. Told once, in a turn.
    virtual void reader_gone() noexcept = 0;

protected:
    ~FileEndsOwner() = default;
};

/// The two ends of a stream over files. Both may be the same descriptor, a terminal's.
///
/// Regular files and some devices cannot be watched: they are always ready, and get a turn each for as long as they are
/// wanted, behind the events of everybody else.
class FileEnds final : private EventHandler {
public:
    /// With an empty `out` and `both_ways`, `in` is written to, too. `in` stays its owner's.
    FileEnds(ReactorCore& core, int in, UniqueFd out, bool both_ways, FileEndsOwner& owner);
    FileEnds(const FileEnds&) = delete;
    FileEnds& operator=(const FileEnds&) = delete;
    ~FileEnds() = default;

    /// What is wanted from now on.
    void watch(bool read, bool write) noexcept;

    /// As writev, but without SIGPIPE.
    ssize_t write(std::span<const iovec> pieces) noexcept;

    bool has_out() const noexcept { return write_fd() >= 0; }
    /// Ends the writing; closes `out`, unless that is `in`.
    void close_out() noexcept;
    /// Gives `out` up without closing it if somebody else has closed it: the number is not ours any more. Returns
    /// whether it did.
    bool forget_closed_out() noexcept;

private:
    void event_ready(IOFlags flags) noexcept override;
    void out_event(IOFlags flags) noexcept;
    int write_fd() const noexcept { return both_ways_ ? in_ : out_.get(); }
    bool reader_is_gone() const noexcept;
    /// What is wanted of ends that cannot be watched.
    IOFlags unwatched() const noexcept;
    void take_turns() noexcept;

    /// Tells events of `out` from those of `in`.
    struct OutHandler final : EventHandler {
        explicit OutHandler(FileEnds& its_ends) noexcept : ends(its_ends) {}
        void event_ready(IOFlags flags) noexcept override { ends.out_event(flags); }
        FileEnds& ends;
    };

    ReactorCore& core_;
    FileEndsOwner& owner_;
    OutHandler out_handler_{*this};
    UniqueFd out_;
    int in_;
    bool both_ways_;
    bool out_is_pipe_ = false;
    bool reading_ = false;
    bool writing_ = false;
    std::optional<IOWatch> in_watch_;   ///< none if it cannot be watched
    std::optional<IOWatch> out_watch_;  ///< likewise, or the same as `in`
    DelayedCall turn_;
};

/// Whether a loop can watch it: files, and devices that never make anybody wait, are refused by epoll.
bool can_be_watched(int fd) noexcept;

}  // namespace plait::detail
