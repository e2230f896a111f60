// System calls on files that fail, are interrupted or have to wait when a test says so: the test program's own pread,
// pwrite and the rest stand before the C library's. Include it in one file of a test program, since it defines them.
#pragma once

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <deque>
#include <mutex>

#include "plait/reactor/unique_fd.hpp"

namespace plait::testing {

/// What becomes of the next calls of one kind, in any thread.
class FileCall {
public:
    /// Each answers one call instead of the kernel; 0 lets it through.
    void fail_with(std::deque<int> errors) {
        const std::lock_guard lock(mutex_);
        errors_ = std::move(errors);
    }
    /// Bytes that a call moves at most; 0: as many as it likes.
    void at_most(std::size_t most) { most_ = most; }
    int calls() const { return calls_; }

    bool fails() {
        ++calls_;
        const std::lock_guard lock(mutex_);
        if (errors_.empty()) return false;
        errno = errors_.front();
        errors_.pop_front();
        return errno != 0;
    }
    std::size_t cut(std::size_t size) const { return most_ == 0 ? size : std::min<std::size_t>(size, most_); }
    void reset() {
        fail_with({});
        most_ = 0;
        calls_ = 0;
    }

private:
    std::mutex mutex_;
    std::deque<int> errors_;
    std::atomic<std::size_t> most_ = 0;
    std::atomic<int> calls_ = 0;
};

struct FileFaults {
    FileCall pread;
    FileCall pwrite;
    FileCall pwritev2;
    FileCall fsync;
    FileCall close;  ///< of regular files
    /// A pwrite waits until its other end is closed.
    std::atomic<int> gate = -1;
};

inline FileFaults file_faults;

/// Puts everything back at the end of a test.
struct FileFaultsGuard {
    FileFaultsGuard() { reset(); }
    ~FileFaultsGuard() { reset(); }
    static void reset() {
        for (FileCall* each :
             {&file_faults.pread, &file_faults.pwrite, &file_faults.pwritev2, &file_faults.fsync, &file_faults.close})
            each->reset();
        file_faults.gate = -1;
    }
};

/// Closed gates: writes wait from its construction to open().
class Gate {
public:
    Gate() {
        int both[2] = {-1, -1};
        static_cast<void>(::pipe2(both, O_CLOEXEC));
        inner_.reset(both[0]);
        outer_.reset(both[1]);
        file_faults.gate = inner_.get();
    }
    void open() { outer_.reset(); }

private:
    UniqueFd inner_;
    UniqueFd outer_;
};

}  // namespace plait::testing

extern "C" {

inline __attribute__((used)) ssize_t pread(int fd, void* room, size_t size, off_t offset) {
    auto& call = plait::testing::file_faults.pread;
    if (call.fails()) return -1;
    return ::syscall(SYS_pread64, fd, room, call.cut(size), offset);
}

inline __attribute__((used)) ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
    auto& call = plait::testing::file_faults.pwrite;
    if (call.fails()) return -1;
    char none = 0;
    if (const int gate = plait::testing::file_faults.gate; gate >= 0) static_cast<void>(::read(gate, &none, 1));
    return ::syscall(SYS_pwrite64, fd, data, call.cut(size), offset);
}

inline __attribute__((used)) ssize_t pwritev2(int fd, const iovec* pieces, int count, off_t offset, int flags) {
    auto& call = plait::testing::file_faults.pwritev2;
    if (call.fails()) return -1;
    return ::syscall(SYS_pwritev2, fd, pieces, count, offset, 0, flags);
}

inline __attribute__((used)) int fsync(int fd) {
    if (plait::testing::file_faults.fsync.fails()) return -1;
    return static_cast<int>(::syscall(SYS_fsync, fd));
}

inline __attribute__((used)) int close(int fd) {
    struct stat about{};
    const bool regular = ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
    // Not the kernel's at once: the thread sanitizer keeps a list of descriptors by what passes its own.
    static const auto next = reinterpret_cast<int (*)(int)>(::dlsym(RTLD_NEXT, "close"));
    const int closed = next(fd);
    return regular && plait::testing::file_faults.close.fails() ? -1 : closed;
}

}  // extern "C"
