#include "plait/reactor/detail/unix_connection.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "plait/reactor/detail/kernel_room.hpp"

namespace plait::detail {
namespace {

constexpr std::size_t most_received = 253;  // in one message, by the kernel's own limit
constexpr std::size_t vectors_beside_descriptors = 64;

bool is_open(int fd) noexcept {
    return ::fcntl(fd, F_GETFD) >= 0;
}

}  // namespace

std::optional<Failure> UnixConnection::start(ReactorCore& core, UniqueFd fd, Address host, Address peer,
                                             std::shared_ptr<Protocol> protocol) {
    auto* self = new UnixConnection(core, std::move(fd), std::move(host), std::move(peer), std::move(protocol));
    return self->begin();
}

UnixConnection::UnixConnection(ReactorCore& core, UniqueFd fd, Address host, Address peer,
                               std::shared_ptr<Protocol> protocol)
    : StreamConnection(core, {std::move(fd), UniqueFd(), StreamEnds::Kind::unix_socket}, std::move(host),
                       std::move(peer), protocol),
      receiver_(dynamic_cast<UnixProtocol*>(protocol.get())) {}

std::optional<PeerCredentials> UnixConnection::peer_credentials() const {
    ucred known{};
    socklen_t size = sizeof known;
    if (lost() || ::getsockopt(fd(), SOL_SOCKET, SO_PEERCRED, &known, &size) != 0) return std::nullopt;
    return PeerCredentials{known.pid, known.uid, known.gid};
}

Transport::Handover UnixConnection::hand_over(std::shared_ptr<Protocol> next) {
    auto* const receiver = dynamic_cast<UnixProtocol*>(next.get());
    Handover before = StreamConnection::hand_over(std::move(next));
    receiver_ = receiver;
    return before;
}

// --- sending

void UnixConnection::send_descriptor(UniqueFd descriptor) {
    if (!is_open(descriptor.get()))
        throw UsageError("send_descriptor: " + std::to_string(descriptor.get()) + " is not an open descriptor");
    if (!takes_writes()) return;
    if (queued_.size() >= most_queued_descriptors)
        throw DescriptorQueueFull("send_descriptor: " + std::to_string(queued_.size()) + " wait to be sent to " +
                                  peer().str() + " already: write bytes for them to go with, and wait for drained()");
    queued_.push_back({std::move(descriptor), bytes_sent() + write_buffered()});
}

/// How many may leave with the next byte.
std::size_t UnixConnection::due(std::uint64_t sent) const noexcept {
    const auto later =
        std::find_if(queued_.begin(), queued_.end(), [sent](const Queued& one) { return one.at > sent; });
    return static_cast<std::size_t>(later - queued_.begin());
}

int UnixConnection::write_some(WriteQueue& queue) noexcept {
    while (!queued_.empty() && !queue.empty()) {
        const std::size_t count = due(queue.sent());
        const ssize_t sent = send_with_descriptors(queue, count);
        if (sent < 0) {
            if (errno == EINTR) continue;
            if (would_block(errno)) return 0;
            if (errno == EBADF && is_open(fd()) && !all_open(count)) {
                finish(make_failure(ConnectionLost("the connection to " + peer().str() +
                                                   " was lost: a descriptor on its way there was closed by something "
                                                   "else in this program")));
                return 0;
            }
            return errno;
        }
        for (Queued& gone : std::span(queued_).first(count))
            gone.descriptor.reset();
        queued_.erase(queued_.begin(), queued_.begin() + static_cast<std::ptrdiff_t>(count));
        queue.consume(static_cast<std::size_t>(sent));
    }
    if (queued_.empty() && queued_.capacity() > 4) queued_.shrink_to_fit();
    return queue.send_to(fd());
}

/// The first `count` descriptors with bytes that may go with them, or bytes alone up to the next descriptor's.
ssize_t UnixConnection::send_with_descriptors(WriteQueue& queue, std::size_t count) noexcept {
    std::array<iovec, vectors_beside_descriptors> vectors;
    const std::uint64_t most = count < queued_.size() ? queued_[count].at - queue.sent() : UINT64_MAX;
    const std::size_t pieces = queue.gather(vectors, most);
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = pieces;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(most_queued_descriptors * sizeof(int))> control{};
    if (count != 0) {
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(count * sizeof(int));
        for (std::size_t i = 0; i < count; ++i) {
            const int number = queued_[i].descriptor.get();
            std::memcpy(CMSG_DATA(header) + i * sizeof(int), &number, sizeof number);
        }
    }
    return ::sendmsg(fd(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool UnixConnection::all_open(std::size_t count) const noexcept {
    return std::all_of(queued_.begin(), queued_.begin() + static_cast<std::ptrdiff_t>(count),
                       [](const Queued& one) { return is_open(one.descriptor.get()); });
}

std::optional<Failure> UnixConnection::lost_by_closing() const {
    if (queued_.empty()) return std::nullopt;
    return make_failure(FileDescriptorOverrun("the connection to " + peer().str() + " was closed with " +
                                              std::to_string(queued_.size()) +
                                              " descriptors to send and no byte written for them to go with"));
}

// --- receiving

ssize_t UnixConnection::read_some(std::span<char> room) noexcept {
    // The kernel closes the descriptors that nobody makes room for.
    if (receiver_ == nullptr) return ::recv(fd(), room.data(), room.size(), 0);
    iovec bytes{room.data(), room.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(most_received * sizeof(int))> control;
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = ::recvmsg(fd(), &message, MSG_CMSG_CLOEXEC);
    if (got <= 0 || (message.msg_controllen == 0 && (message.msg_flags & MSG_CTRUNC) == 0)) return got;
    if (deliver(message)) return got;
    errno = EAGAIN;
    return -1;
}

/// Returns whether the bytes are still wanted.
bool UnixConnection::deliver(msghdr& message) noexcept {
    std::vector<UniqueFd> received;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        received.reserve(received.size() + count);
        for (std::size_t i = 0; i < count; ++i) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(header) + i * sizeof(int), sizeof number);
            received.emplace_back(number);
        }
    }
    if ((message.msg_flags & MSG_CTRUNC) != 0) {
        received.clear();
        finish(make_failure(DescriptorsTruncated("the connection to " + peer().str() +
                                                 " was lost: it sent descriptors, and this process may open no more")));
        return false;
    }
    for (UniqueFd& one : received) {
        if (disconnecting()) return false;
        if (receiver_ == nullptr) break;  // another protocol has taken over, and takes none
        if (!guarded([&] { receiver_->descriptor_received(std::move(one)); })) return false;
    }
    return !disconnecting();
}

}  // namespace plait::detail
