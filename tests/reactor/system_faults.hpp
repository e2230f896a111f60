// System calls that fail when a test says so: the test program's own recv, send and the rest stand before the C
// library's. Include it in one file of a test program; nothing else can, since it defines them.
#pragma once

#include <sys/socket.h>
#include <sys/stat.h>
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
    CallFaults recv;  ///< recv, recvmsg
    CallFaults read;  ///< of pipes and terminals
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

inline bool is_pipe_or_terminal(int fd) noexcept {
    struct stat about{};
    return ::fstat(fd, &about) == 0 && (S_ISFIFO(about.st_mode) || S_ISCHR(about.st_mode));
}

/// `message` with no more bytes than a call is to move, and everything else.
struct CutMessage {
    CutMessage(const msghdr& message, const CallFaults& by) noexcept : head(message) {
        if (by.most == 0 || message.msg_iovlen == 0) return;
        piece = message.msg_iov[0];
        piece.iov_len = by.cut(piece.iov_len);
        head.msg_iov = &piece;
        head.msg_iovlen = 1;
    }
    CutMessage(const CutMessage&) = delete;
    CutMessage& operator=(const CutMessage&) = delete;

    msghdr head;
    iovec piece{};
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

inline __attribute__((used)) ssize_t recvmsg(int fd, msghdr* message, int flags) {
    using plait::testing::faults;
    if (faults.recv.fails()) return -1;
    plait::testing::CutMessage cut(*message, faults.recv);
    const ssize_t got = ::syscall(SYS_recvmsg, fd, &cut.head, flags);
    message->msg_namelen = cut.head.msg_namelen;
    message->msg_controllen = cut.head.msg_controllen;
    message->msg_flags = cut.head.msg_flags;
    return got;
}

inline __attribute__((used)) ssize_t read(int fd, void* room, size_t size) {
    using plait::testing::faults;
    if (!plait::testing::is_pipe_or_terminal(fd)) return ::syscall(SYS_read, fd, room, size);
    if (faults.read.fails()) return -1;
    return ::syscall(SYS_read, fd, room, faults.read.cut(size));
}

inline __attribute__((used)) ssize_t sendmsg(int fd, const msghdr* message, int flags) {
    using plait::testing::faults;
    if (faults.send.fails()) return -1;
    const plait::testing::CutMessage cut(*message, faults.send);
    return ::syscall(SYS_sendmsg, fd, &cut.head, flags);
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
