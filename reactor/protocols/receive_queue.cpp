#include "plait/reactor/protocols/receive_queue.hpp"

#include <algorithm>
#include <utility>

namespace plait {

void ReceiveQueue::push(Bytes data) {
    if (data.empty()) return;
    size_ += data.size();
    pieces_.push_back(std::move(data));
}

std::string_view ReceiveQueue::front() const noexcept {
    if (!gathered().empty()) return gathered();
    return pieces_.empty() ? std::string_view() : pieces_.front().view();
}

std::string_view ReceiveQueue::peek(std::size_t count) {
    if (front().size() < count) gather(count);
    return front().substr(0, count);
}

Bytes ReceiveQueue::take(std::size_t count) {
    if (count == 0) return {};
    if (gathered().empty() && pieces_.front().size() >= count) {
        const Bytes taken = pieces_.front().slice(0, count);
        drop(count);
        return taken;
    }
    gather(count);
    if (taken_ == 0 && gathered_.size() == count) return Bytes::own(std::exchange(gathered_, {}));
    const Bytes taken = Bytes::copy(gathered().substr(0, count));
    drop(count);
    return taken;
}

void ReceiveQueue::drop(std::size_t count) noexcept {
    const auto from_gathered = std::min(count, gathered().size());
    taken_ += from_gathered;
    forget_taken();
    for (count -= from_gathered; count > 0;) {
        Bytes& piece = pieces_.front();
        const auto dropped = std::min(count, piece.size());
        piece.remove_prefix(dropped);
        size_ -= dropped;
        count -= dropped;
        if (piece.empty()) pieces_.pop_front();
    }
}

void ReceiveQueue::clear() noexcept {
    gathered_ = {};
    taken_ = 0;
    pieces_.clear();
    size_ = 0;
}

void ReceiveQueue::settle() {
    gather(size());
}

/// Makes `gathered()` at least `count` bytes.
void ReceiveQueue::gather(std::size_t count) {
    while (gathered().size() < count) {
        const auto missing = count - gathered().size();
        Bytes& piece = pieces_.front();
        const auto moved = std::min(missing, piece.size());
        gathered_.append(piece.view().substr(0, moved));
        piece.remove_prefix(moved);
        size_ -= moved;
        if (piece.empty()) pieces_.pop_front();
    }
}

void ReceiveQueue::forget_taken() noexcept {
    if (taken_ == gathered_.size()) {
        gathered_.clear();
        taken_ = 0;
    } else if (taken_ > gathered_.size() / 2) {
        gathered_.erase(0, taken_);
        taken_ = 0;
    }
}

}  // namespace plait
