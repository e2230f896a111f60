// Int8-, Int16- and Int32StringReceiver: Protocols that talk in strings with their length in front.
//
//     stream = string*        string = length (1, 2 or 4 bytes, big-endian), `length` bytes
//
// Not a parser of what the strings say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "plait/deferred/errors.hpp"
#include "plait/reactor/protocols/paced_receiver.hpp"
#include "plait/reactor/protocols/receive_queue.hpp"

namespace plait {

/// A string to be sent is longer than its length in front can say. The text has both lengths.
class StringTooLong : public UsageError {
public:
    using UsageError::UsageError;
};

/// A string is announced that is longer than its receiver allows. The text has the peer, the length and the limit.
class LengthLimitExceeded : public Error {
public:
    using Error::Error;
};

/// Cuts what arrives into strings. Derive from one of the three below.
///
///     class Echo : public Int16StringReceiver {
///         void string_received(Bytes text) override { send_string(text); }
///     };
///
/// A string that lies within one received piece is a slice of it; one that straddles pieces is copied together in a
/// buffer that grows with what has arrived, never with what the length claims.
///
/// Lifetime: as Protocol. The destructor calls nothing.
/// Source:   IntNStringReceiver of Twisted.
class IntNStringReceiver : public PacedReceiver {
public:
    static constexpr std::size_t default_max_length = 99'999;

    /// A string, without its length.
    virtual void string_received(Bytes text) = 0;

    /// A string is announced that is longer than the maximum; nothing of it is read. The default throws
    /// LengthLimitExceeded, which ends the connection and drops what is queued for writing. For a last word, write it
    /// here and close: lose_connection() sends it first. Whatever this does, the rest of the stream cannot be read.
    virtual void length_limit_exceeded(std::uint32_t length);

    /// Writes the length and `text`. Bytes are queued as they are; text is copied.
    /// Fails: throws StringTooLong, and writes nothing, when the length does not fit in front.
    void send_string(Bytes text);
    void send_string(std::string_view text);
    void send_string(const char* text) { send_string(std::string_view(text)); }

    /// Longest string to be received. Applies to strings not delivered yet.
    void set_max_length(std::size_t bytes) noexcept { max_length_ = bytes; }
    std::size_t max_length() const noexcept { return max_length_; }

protected:
    /// `prefix`: bytes of the length.
    IntNStringReceiver(unsigned prefix, std::size_t max_length) noexcept : prefix_(prefix), max_length_(max_length) {}

    void keep(const Bytes& data) final;
    bool deliver_next() final;
    void drop_kept() noexcept final { input_.clear(); }

private:
    bool read_length();
    std::string_view put_length(std::size_t length, char* room) const;

    unsigned prefix_;
    std::size_t max_length_;
    ReceiveQueue input_;
    std::uint32_t length_ = 0;
    bool length_known_ = false;
    bool broken_ = false;
};

class Int8StringReceiver : public IntNStringReceiver {
public:
    explicit Int8StringReceiver(std::size_t max_length = 255) noexcept : IntNStringReceiver(1, max_length) {}
};

class Int16StringReceiver : public IntNStringReceiver {
public:
    explicit Int16StringReceiver(std::size_t max_length = 65'535) noexcept : IntNStringReceiver(2, max_length) {}
};

class Int32StringReceiver : public IntNStringReceiver {
public:
    explicit Int32StringReceiver(std::size_t max_length = default_max_length) noexcept
        : IntNStringReceiver(4, max_length) {}
};

}  // namespace plait
