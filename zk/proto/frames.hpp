// FrameSplitter: the byte stream of a connection cut into frames.
//
//     stream = frame*        frame = int length, `length` bytes
//
// Knows nothing of what is inside a frame. No I/O: fed with whatever a transport delivers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "plait/reactor/bytes.hpp"

namespace plait::zk::proto {

/// One frame's body. Lifetime: valid until the splitter's next call; slices of `*owner` stay.
struct Frame {
    std::string_view body;
    const Bytes* owner = nullptr;
};

/// Feed bytes, then take frames until there are none:
///
///     splitter.feed(std::move(chunk));
///     for (Frame frame; splitter.next(frame);) use(frame);
///
/// A frame that arrives in one piece is not copied: its body lies in the chunk. One that arrives in several is gathered
/// in a buffer that grows with what has arrived, never with what the length claims.
class FrameSplitter {
public:
    /// Frames longer than `limit` bytes are refused.
    explicit FrameSplitter(std::size_t limit) noexcept : limit_(limit) {}

    /// Precondition: next() has returned false since the last call.
    void feed(Bytes chunk) noexcept { chunk_ = std::move(chunk); }

    /// True: `frame` is the next one. False: more bytes are needed.
    /// Fails: DecodeError for a negative length or one above the limit; the connection is of no more use.
    bool next(Frame& frame);

    /// Bytes of a frame that has not ended yet.
    std::size_t buffered() const noexcept { return partial_.size(); }

    /// Forgets everything, for a new connection.
    void reset() noexcept;

private:
    static constexpr std::size_t prefix = 4;

    bool next_in_chunk(Frame& frame);
    bool next_gathered(Frame& frame);
    bool gather_to(std::size_t size);
    std::size_t length_at(const char* at) const;

    std::size_t limit_;
    Bytes chunk_;          // what has not been taken of the last feed
    std::string partial_;  // the beginning of a frame, prefix included, that the next feed goes on with
    Bytes gathered_;       // the owner of the last gathered frame
};

}  // namespace plait::zk::proto
