// LineReceiver: a Protocol that talks in lines, and in raw bytes between them when told to.
// Not a parser of what the lines say; not for binary framing.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include "plait/deferred/errors.hpp"
#include "plait/reactor/bytes.hpp"
#include "plait/reactor/protocols/paced_receiver.hpp"

namespace plait {

/// A line is longer than its receiver allows. The text has the peer and the limit.
class LineTooLong : public Error {
public:
    using Error::Error;
};

/// Cuts what arrives into lines. Derive from it.
///
///     class Greeter : public LineReceiver {
///         void line_received(Bytes name) override { send_line("hello " + name.str()); }
///     };
///
/// A line that lies within one received piece is a slice of it; one that straddles pieces is put together.
/// Lines stop coming as soon as the connection is closing, also those already received, or paused (PacedReceiver). No
/// callback is made from inside another, however often the mode changes within one piece.
///
/// Lifetime: as Protocol. The destructor calls nothing.
/// Source:   LineReceiver of Twisted.
class LineReceiver : public PacedReceiver {
public:
    static constexpr std::size_t default_max_length = 16384;

    /// Throws std::invalid_argument for an empty delimiter.
    explicit LineReceiver(std::string delimiter = "\r\n", std::size_t max_length = default_max_length);

    /// A line, without its delimiter.
    virtual void line_received(Bytes line) = 0;

    /// What comes in raw mode. The default throws InvalidState, which ends the connection.
    virtual void raw_data_received(const Bytes& data);

    /// A line is longer than the maximum. `start` is what there is of it in one piece; it is dropped with everything
    /// else received so far. The default throws LineTooLong, which ends the connection and drops what is queued for
    /// writing. For a last word, write it here and close: lose_connection() sends it first.
    virtual void line_length_exceeded(const Bytes& start);

    /// From the next byte after the present line on, until set_line_mode(), bytes go to raw_data_received() as they
    /// come.
    void set_raw_mode();

    /// Lines again. `extra` is looked at first: what raw_data_received() was given and does not belong to it.
    /// Outside a callback, either of the two delivers what is here already before it returns, as resume_producing()
    /// does.
    void set_line_mode(Bytes extra = {});

    /// Forgets what is received and not delivered. Returns it, in one piece.
    ///
    /// Call it before start_tls(): lines that somebody slipped in behind the last one in clear would otherwise come
    /// after the handshake, as if they had been protected. Anything but nothing is a reason to close.
    Bytes clear_line_buffer();

    /// Writes `line` and the delimiter.
    void send_line(std::string_view line);

    bool raw_mode() const noexcept { return raw_; }

    /// Longest line, without its delimiter. Applies to lines not delivered yet.
    void set_max_length(std::size_t bytes) noexcept { max_length_ = bytes; }
    std::size_t max_length() const noexcept { return max_length_; }
    const std::string& delimiter() const noexcept { return delimiter_; }

protected:
    void keep(const Bytes& data) final { pending_.push_back(data); }
    bool deliver_next() final;
    void drop_kept() noexcept final;

private:
    void next_raw();
    void next_line();
    bool finish_straddling_line();
    void hold_rest();
    void take_line(Bytes line);
    void consume(std::size_t count);

    std::string delimiter_;
    std::size_t max_length_;
    /// Received and not looked at.
    std::deque<Bytes> pending_;
    /// The beginning of a line whose end has not come; holds no whole delimiter.
    std::string partial_;
    bool raw_ = false;
};

}  // namespace plait
