// System calls that fail when a test says so: the test program's own recv, send and the rest stand before the C
// library's. Include it in one file of a test program; nothing else can, since it defines them.
#pragma once

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <deque>

namespace plait::testing {

/// What becomes of the next calls of one kind on stream sockets and pipes, in this whole program.
struct CallFaults {
    std::deque<int> errors;  ///< each answers one call, instead of the kernel
    std::size_t most = 0;    ///< bytes that a call moves at most; 0: as many as it likes
    std::size_t calls = 0;

    /// Returns whether the call fails, with errno set.
    bool fails() noexcept {
        ++calls;
        if (errors.empty()) return false;
        errno = errors.front();
        errors.pop_front();
        return true;
    }
    std::size_t cut(std::size_t size) const noexcept { return most == 0 ? size : std::min(size, most); }
};

struct SystemFaults {
    CallFaults recv;
    CallFaults send;  ///< send, sendmsg
    CallFaults accept;
    CallFaults writev;
};

inline SystemFaults faults;

/// Puts everything back at the end of a test.
struct FaultsGuard {
    FaultsGuard() { faults = {}; }
    ~FaultsGuard() { faults = {}; }
};

}  // namespace plait::testing

extern "C" {

inline __attribute__((used)) ssize_t recv(int fd, void* room, size_t size, int flags) {
    using plait::testing::faults;
    if (faults.recv.fails()) return -1;
    return ::syscall(SYS_recvfrom, fd, room, faults.recv.cut(size), flags, nullptr, nullptr);
}

inline __attribute__((used)) ssize_t send(int fd, const void* data, size_t size, int flags) {
    using plait::testing::faults;
    if (faults.send.fails()) return -1;
    return ::syscall(SYS_sendto, fd, data, faults.send.cut(size), flags, nullptr, 0);
}

inline __attribute__((used)) ssize_t sendmsg(int fd, const msghdr* message, int flags) {
    using plait::testing::faults;
    if (faults.send.fails()) return -1;
    if (faults.send.most == 0 || message->msg_controllen != 0) return ::syscall(SYS_sendmsg, fd, message, flags);
    const iovec& first = message->msg_iov[0];
    return ::syscall(SYS_sendto, fd, first.iov_base, faults.send.cut(first.iov_len), flags, nullptr, 0);
}

inline __attribute__((used)) int accept4(int fd, sockaddr* from, socklen_t* size, int flags) {
    using plait::testing::faults;
    if (faults.accept.fails()) return -1;
    return static_cast<int>(::syscall(SYS_accept4, fd, from, size, flags));
}

inline __attribute__((used)) ssize_t writev(int fd, const iovec* pieces, int count) {
    using plait::testing::faults;
    if (faults.writev.fails()) return -1;
    if (faults.writev.most == 0) return ::syscall(SYS_writev, fd, pieces, count);
    return ::syscall(SYS_write, fd, pieces[0].iov_base, faults.writev.cut(pieces[0].iov_len));
}

}  // extern "C"
