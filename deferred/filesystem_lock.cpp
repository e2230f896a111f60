#include "plait/deferred/filesystem_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "plait/deferred/errors.hpp"

namespace plait {

namespace {

// How often a file may be removed between being opened and being locked before that counts as not locked.
constexpr int removals = 16;
constexpr int not_locked = -1;

[[noreturn]] void throw_cannot_lock(const std::string& path, int error) {
    throw FilesystemLockError(path, std::error_code(error, std::generic_category()));
}

template <typename Call>
int unless_interrupted(Call call) {
    int result = call();
    while (result < 0 && errno == EINTR)
        result = call();
    return result;
}

/// Whether `path` still leads to the open file: if not, others will lock another one.
bool is_at(const std::string& path, int descriptor) {
    struct stat open_file{};
    struct stat named_file{};
    return ::fstat(descriptor, &open_file) == 0 && ::stat(path.c_str(), &named_file) == 0 &&
           open_file.st_dev == named_file.st_dev && open_file.st_ino == named_file.st_ino;
}

/// A descriptor that holds the lock, or not_locked.
int locked_file(const std::string& path) {
    for (int i = 0; i < removals; ++i) {
        const int descriptor =
            unless_interrupted([&path] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666); });
        if (descriptor < 0) throw_cannot_lock(path, errno);
        const int result = unless_interrupted([descriptor] { return ::flock(descriptor, LOCK_EX | LOCK_NB); });
        const int error = result == 0 ? 0 : errno;
        if (error == 0 && is_at(path, descriptor)) return descriptor;
        ::close(descriptor);
        if (error == EWOULDBLOCK) return not_locked;
        if (error != 0) throw_cannot_lock(path, error);
    }
    return not_locked;
}

}  // namespace

FilesystemLockError::FilesystemLockError(std::string path, std::error_code code)
    : Error("Cannot lock " + path + ": " + code.message() +
            ". Its folder must exist, on a file system with locks, and this process must be allowed to make and write "
            "the file there."),
      path_(std::move(path)),
      code_(code) {}
FilesystemLockError::~FilesystemLockError() = default;

AlreadyTryingToLock::AlreadyTryingToLock(const std::string& path)
    : UsageError("This DeferredFilesystemLock waits for " + path +
                 " already: wait for the Deferred of the first call, or use one object for each who waits.") {}
AlreadyTryingToLock::~AlreadyTryingToLock() = default;

DeferredFilesystemLock::DeferredFilesystemLock(std::string path, Clock& clock, Duration retry_every)
    : path_(std::move(path)), clock_(clock), retry_every_(retry_every) {
    if (retry_every <= Duration::zero())
        throw UsageError("A DeferredFilesystemLock has to wait between its tries: give it more than zero.");
}

DeferredFilesystemLock::~DeferredFilesystemLock() {
    let_go();
    if (wait_ != nullptr) leave_wait().errback(Destroyed("DeferredFilesystemLock"));
}

bool DeferredFilesystemLock::try_lock() {
    if (locked()) return false;
    descriptor_ = locked_file(path_);
    process_ = ::getpid();
    return locked();
}

void DeferredFilesystemLock::unlock() {
    if (!locked()) throw InvalidState("This DeferredFilesystemLock was unlocked without holding " + path_ + ".");
    let_go();
}

void DeferredFilesystemLock::let_go() noexcept {
    if (!locked()) return;
    // Closing is not enough where a child has the same open file; and a child must not unlock what is its parent's.
    if (process_ == ::getpid()) ::flock(descriptor_, LOCK_UN);
    ::close(std::exchange(descriptor_, not_locked));
}

Deferred<> DeferredFilesystemLock::defer_until_locked(SourceLocation made) {
    return wait(std::nullopt, made);
}

Deferred<> DeferredFilesystemLock::defer_until_locked(Duration limit, SourceLocation made) {
    return wait(limit, made);
}

Deferred<> DeferredFilesystemLock::wait(std::optional<Duration> limit, SourceLocation made) {
    if (wait_ != nullptr) return fail<>(AlreadyTryingToLock(path_), made);
    try {
        if (try_lock()) return succeed();
    } catch (...) {
        return fail<>(Failure::current(made));
    }
    auto [deferred, promise] = make_deferred<>([this] { wait_.reset(); }, made);
    wait_ = std::make_unique<Wait>(Wait{std::move(promise), made});
    wait_->next_try = clock_.call_later(retry_every_, [this] { try_again(); });
    if (limit) {
        wait_->limit = *limit;
        wait_->last_try = clock_.call_later(*limit, [this] { try_for_the_last_time(); });
    }
    return std::move(deferred);
}

void DeferredFilesystemLock::try_again() {
    if (ends_wait()) return;
    wait_->next_try = clock_.call_later(retry_every_, [this] { try_again(); });
}

void DeferredFilesystemLock::try_for_the_last_time() {
    if (ends_wait()) return;
    Failure late = detail::timed_out("Locking " + path_, wait_->limit, wait_->made);
    leave_wait().errback(std::move(late));
}

// True: it has ended, and this object may be gone.
bool DeferredFilesystemLock::ends_wait() {
    try {
        if (!try_lock()) return false;
    } catch (...) {
        Failure failure = Failure::current(wait_->made);
        leave_wait().errback(std::move(failure));
        return true;
    }
    leave_wait().callback();
    return true;
}

Promise<> DeferredFilesystemLock::leave_wait() noexcept {
    const std::unique_ptr<Wait> wait = std::move(wait_);
    return std::move(wait->promise);
}

}  // namespace plait
