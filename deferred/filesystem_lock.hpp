// DeferredFilesystemLock: a lock between processes, by a file that the kernel locks for one of them.
// Not for the tasks of one loop, for which there is deferred/lock.hpp; and nothing is protected from who does not ask.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/deferred.hpp"

namespace plait {

/// The file cannot be opened, made or locked: no such folder, no permission, no locks on that file system.
class FilesystemLockError : public Error {
public:
    /// "Cannot lock /run/app.lock: Permission denied. ..."
    FilesystemLockError(std::string path, std::error_code code);
    ~FilesystemLockError() override;

    const std::string& path() const noexcept { return path_; }
    /// `error.code() == std::errc::permission_denied`
    std::error_code code() const noexcept { return code_; }

private:
    std::string path_;
    std::error_code code_;
};

/// A second wait was begun on one DeferredFilesystemLock.
class AlreadyTryingToLock : public UsageError {
public:
    explicit AlreadyTryingToLock(const std::string& path);
    ~AlreadyTryingToLock() override;
};

///     DeferredFilesystemLock lock("/run/app.lock", reactor);
///     co_await lock.defer_until_locked(10s);
///
/// The file is locked with flock(2), so the kernel unlocks it when its holder ends, however that ends: no lock is ever
/// stale. It should be a file of its own, which is made where there is none, is neither read nor written, and stays
/// when unlocked: to remove it is to let two in. Two objects of one process lock each other out as two processes do.
///
/// NFS:      Linux turns flock into a lock at the server; a mount with `nolock` or `local_lock` keeps it within one
///           machine.
/// fork:     a child has no share in the lock and its copy of this object does not unlock it; but unless it calls exec,
///           it keeps the file locked if the parent dies without unlocking.
/// Lifetime: not movable. Destroying it unlocks, and fails the wait with Destroyed. It may be destroyed from its own
///           callbacks. `clock` must outlive it.
/// Threads:  one.
/// Source:   Twisted's DeferredFilesystemLock, which has a symbolic link with the holder's process id instead: that
///           can be stale, and a new process may have the same id.
class DeferredFilesystemLock {
public:
    /// `retry_every`: how often a wait tries again. Fails: throws UsageError when that is not more than zero.
    DeferredFilesystemLock(std::string path, Clock& clock, Duration retry_every = std::chrono::seconds(1));
    DeferredFilesystemLock(const DeferredFilesystemLock&) = delete;
    DeferredFilesystemLock& operator=(const DeferredFilesystemLock&) = delete;
    ~DeferredFilesystemLock();

    /// False when it is locked already, by whomever: by this object, too.
    /// Fails: throws FilesystemLockError.
    bool try_lock();

    /// Fires when it is locked: at once if it can be, else it tries again and again.
    /// Fails:  with FilesystemLockError when a try does; with AlreadyTryingToLock while another wait of this object
    ///         goes on.
    /// Cancel: ends the trying; no timer is left.
    Deferred<> defer_until_locked(SourceLocation made = SourceLocation::current());

    /// The same, for so long: then a last try, and TimeoutError if that does not succeed.
    Deferred<> defer_until_locked(Duration limit, SourceLocation made = SourceLocation::current());

    /// Fails: throws InvalidState when it is not locked by this object.
    void unlock();

    bool locked() const noexcept { return descriptor_ >= 0; }
    const std::string& path() const noexcept { return path_; }

private:
    struct Wait {
        Promise<> promise;
        SourceLocation made;
        Duration limit{};
        DelayedCall next_try{};
        DelayedCall last_try{};
    };

    Deferred<> wait(std::optional<Duration> limit, SourceLocation made);
    void try_again();
    void try_for_the_last_time();
    bool ends_wait();
    Promise<> leave_wait() noexcept;
    void let_go() noexcept;

    std::string path_;
    Clock& clock_;
    Duration retry_every_;
    std::unique_ptr<Wait> wait_;
    int descriptor_ = -1;
    int process_ = 0;  // whose lock it is, if this is a copy in a child
};

}  // namespace plait
