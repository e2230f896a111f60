#include "plait/reactor/detail/datagram_queue.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace plait::detail {
namespace {

constexpr std::size_t most_a_call = 64;
constexpr std::size_t kept_room = 64;  // entries an empty queue may keep

}  // namespace

bool DatagramQueue::push(Bytes data, const SocketAddress& to) {
    const std::size_t now = bytes_ + count() * overhead;
    if (!empty() && now + data.size() + overhead > most_) return false;
    const std::size_t size = data.size();
    waiting_.push_back({std::move(data), to});
    bytes_ += size;
    return true;
}

DatagramQueue::Sent DatagramQueue::send(int fd) noexcept {
    Sent result;
    std::array<mmsghdr, most_a_call> messages;
    std::array<iovec, most_a_call> vectors;
    while (!empty()) {
        const std::size_t count = std::min(this->count(), most_a_call);
        for (std::size_t i = 0; i < count; ++i) {
            Datagram& each = waiting_[first_ + i];
            vectors[i] = {const_cast<char*>(each.data.data()), each.data.size()};
            messages[i] = {};
            messages[i].msg_hdr.msg_iov = &vectors[i];
            messages[i].msg_hdr.msg_iovlen = 1;
            if (each.to.size == 0) continue;
            messages[i].msg_hdr.msg_name = each.to.get();
            messages[i].msg_hdr.msg_namelen = each.to.size;
        }
        const int sent = ::sendmmsg(fd, messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR) continue;
            result.error = errno;
            return result;
        }
        result.count += static_cast<std::size_t>(sent);
        drop(static_cast<std::size_t>(sent));
    }
    return result;
}

void DatagramQueue::drop(std::size_t count) noexcept {
    for (; count > 0; --count) {
        bytes_ -= waiting_[first_].data.size();
        waiting_[first_++].data = Bytes();
    }
    if (!empty()) {
        // A queue that never runs empty must not grow for ever.
        if (first_ < most_a_call || first_ < waiting_.size() / 2) return;
        waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_ = 0;
        return;
    }
    waiting_.clear();
    first_ = 0;
    if (waiting_.capacity() > kept_room) std::vector<Datagram>().swap(waiting_);
}

}  // namespace plait::detail
