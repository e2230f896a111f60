// NetstringReceiver: a Protocol that talks in netstrings.
//
//     stream = netstring*     netstring = length ":" bytes ","      length in decimal digits, without leading zeros
//
// Not a parser of what the strings say.
#pragma once

#include <cstddef>
#include <string_view>

#include "plait/deferred/errors.hpp"
#include "plait/reactor/protocols/paced_receiver.hpp"
#include "plait/reactor/protocols/receive_queue.hpp"

namespace plait {

/// What came is no netstring, or too long a one. The text says which, and quotes the byte or the limit; as the reason
/// of a loss it has the peer, too.
class BadNetstring : public Error {
public:
    using Error::Error;
};

/// Cuts what arrives into netstrings. Derive from it.
///
/// A string that lies within one received piece is a slice of it; one that straddles pieces is copied together in a
/// buffer that grows with what has arrived, never with what the length claims.
///
/// Lifetime: as Protocol. The destructor calls nothing.
/// Source:   NetstringReceiver of Twisted.
class NetstringReceiver : public PacedReceiver {
public:
    static constexpr std::size_t default_max_length = 99'999;

    explicit NetstringReceiver(std::size_t max_length = default_max_length) noexcept : max_length_(max_length) {}

    virtual void string_received(Bytes text) = 0;

    /// The stream cannot be read on; what came so far is dropped. Called once. The default throws `why` with the peer
    /// in its text, which ends the connection and drops what is queued for writing. For a last word, write it here and
    /// close: lose_connection() sends it first.
    virtual void netstring_broken(const BadNetstring& why);

    /// Writes `text` as a netstring. Bytes are queued as they are; text is copied.
    void send_string(Bytes text);
    void send_string(std::string_view text);
    void send_string(const char* text) { send_string(std::string_view(text)); }

    /// Longest string to be received. Applies to lengths not read yet.
    void set_max_length(std::size_t bytes) noexcept { max_length_ = bytes; }
    std::size_t max_length() const noexcept { return max_length_; }

    /// netstring_broken() was called.
    bool broken_peer() const noexcept { return state_ == State::broken; }

protected:
    void keep(const Bytes& data) final;
    bool deliver_next() final;
    void drop_kept() noexcept final { input_.clear(); }

private:
    enum class State : unsigned char { length, text, broken };

    bool read_length();
    bool add_digit(char digit);
    void refuse(const BadNetstring& why);

    std::size_t max_length_;
    ReceiveQueue input_;
    std::size_t length_ = 0;
    unsigned digits_ = 0;
    State state_ = State::length;
};

}  // namespace plait
