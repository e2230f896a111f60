// TlsOutbox: what was written and is not encrypted yet, and its way through the engine to the transport below.
// Decides nothing about when, and knows nobody who waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "plait/reactor/bytes.hpp"
#include "plait/reactor/detail/tls_engine.hpp"
#include "plait/reactor/detail/write_queue.hpp"
#include "plait/reactor/transport.hpp"

namespace plait::detail {

/// Slices in clear. They are encrypted no further ahead than the transport below should hold, so that a slow peer costs
/// the memory of what was written, not of that and its cipher text.
///
/// Lifetime: the engine's.
class TlsOutbox {
public:
    explicit TlsOutbox(TlsEngine& engine) noexcept : engine_(engine) {}

    void push(Bytes data) { clear_.push(std::move(data)); }
    void push(std::string_view text) { clear_.push(text); }
    void clear() noexcept { clear_.clear(); }

    bool empty() const noexcept { return clear_.empty(); }
    std::size_t size() const noexcept { return clear_.size(); }
    /// In clear, all that was encrypted.
    std::uint64_t sent() const noexcept { return clear_.sent(); }

    /// How much cipher text the transport below may hold before more is made; a block of it at least.
    std::size_t window() const noexcept { return window_; }
    void set_window(std::size_t bytes) noexcept;

    /// Encrypts until `below` holds `window` bytes, and hands the cipher text over as one write. False when TLS failed.
    bool encrypt_for(Transport& below, std::size_t window);

private:
    /// Made of one large piece, or of small ones put together.
    std::string_view next_records() const;

    TlsEngine& engine_;
    WriteQueue clear_;
    std::size_t window_ = smallest_window;

    /// A block, which is used again once it is sent.
    static constexpr std::size_t smallest_window = 64 * 1024;
};

}  // namespace plait::detail
