#include "plait/zk/proto/frames.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "plait/zk/proto/jute.hpp"

namespace plait::zk::proto {

bool FrameSplitter::next(Frame& frame) {
    return partial_.empty() ? next_in_chunk(frame) : next_gathered(frame);
}

bool FrameSplitter::next_in_chunk(Frame& frame) {
    const auto have = chunk_.size();
    if (have >= prefix) {
        const auto length = length_at(chunk_.data());
        if (have - prefix >= length) {
            frame = {chunk_.view().substr(prefix, length), &chunk_};
            chunk_.remove_prefix(prefix + length);
            return true;
        }
    }
    partial_.assign(chunk_.view());
    chunk_ = {};
    gathered_ = {};
    return false;
}

bool FrameSplitter::next_gathered(Frame& frame) {
    if (!gather_to(prefix)) return false;
    const auto length = length_at(partial_.data());
    if (!gather_to(prefix + length)) return false;
    gathered_ = Bytes::own(std::move(partial_));
    partial_.clear();
    frame = {gathered_.view().substr(prefix), &gathered_};
    return true;
}

/// Moves bytes from the chunk until `size` are gathered; false when the chunk ends first.
bool FrameSplitter::gather_to(std::size_t size) {
    if (partial_.size() < size) {
        const auto take = std::min(size - partial_.size(), chunk_.size());
        partial_.append(chunk_.data(), take);
        chunk_.remove_prefix(take);
    }
    return partial_.size() >= size;
}

std::size_t FrameSplitter::length_at(const char* at) const {
    const auto length = load<std::uint32_t>(at);
    if (length > limit_) {
        throw DecodeError(fmt::format("a frame of {} bytes was announced; at most {} are taken", length, limit_));
    }
    return length;
}

void FrameSplitter::reset() noexcept {
    chunk_ = {};
    gathered_ = {};
    partial_.clear();
}

}  // namespace plait::zk::proto
