// UnixName: the path of a socket that others find: the file, the lock beside it, and what a killed program left there.
// Not the socket: that is its port's.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/filesystem_lock.hpp"
#include "plait/reactor/detail/socket.hpp"
#include "plait/reactor/unique_fd.hpp"

namespace plait::detail {

/// Throws CannotListen("cannot listen on PATH: WHY").
[[noreturn]] void cannot_listen_at(const std::string& path, const std::string& why);

/// One at a time binds a socket to it. Destroying it removes what it made.
class UnixName {
public:
    /// `clock` outlives its use. For the rest see UnixListenOptions.
    UnixName(Clock& clock, std::string path, mode_t mode, bool remove_stale)
        : clock_(clock), path_(std::move(path)), mode_(mode), remove_stale_(remove_stale) {}
    UnixName(const UnixName&) = delete;
    UnixName& operator=(const UnixName&) = delete;
    ~UnixName() { remove(); }

    /// Returns: a socket of `type` (SOCK_STREAM, SOCK_DGRAM) with this name. Throws CannotListen.
    UniqueFd bind(int type);

    /// Removes the file, unless somebody has put another one there, and lets go of the lock. Again is harmless.
    void remove() noexcept;

private:
    void lock();
    void remove_stale(int type, const SocketAddress& address);

    Clock& clock_;
    std::string path_;
    mode_t mode_;
    bool remove_stale_;
    std::optional<DeferredFilesystemLock> lock_;
    struct stat made_{};  ///< the file, as we made it
    bool has_file_ = false;
};

}  // namespace plait::detail
