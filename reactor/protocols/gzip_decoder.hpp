// GzipDecoder: gzip and deflate, piece by piece, with bounds on what a small input may become. Not an encoder, and not
// for files: it knows no names and dates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "plait/reactor/bytes.hpp"
#include "plait/reactor/protocols/http_errors.hpp"

namespace plait {

/// Passing one throws HttpLimitExceeded with Part::decoded.
struct GzipLimits {
    /// Bytes that come out at most. None: no limit, which is what a stream wants.
    std::optional<std::uint64_t> bytes = std::nullopt;
    /// Bytes that come out for each one that went in; looked at once `ratio_from` bytes have come out. What people
    /// compress gives 3 to 30; a thousand is as much as the format can. Zero: no limit.
    std::uint64_t ratio = 200;
    std::uint64_t ratio_from = 4 * 1024 * 1024;
};

/// Decodes by turns, so that who takes slowly need not hold what comes of it:
///
///     decoder.feed(bytes);
///     for (auto piece = decoder.next(); !piece.empty(); piece = decoder.next()) take(piece);
///     decoder.finish();  // when the last bytes were fed and taken
///
/// Fails:    next() and finish() throw HttpBadContent for what is not in the format, or cut off. After a throw it is
///           of no use.
/// Source:   RFC 1952, RFC 1950; zlib does the work.
class GzipDecoder {
public:
    enum class Format {
        gzip,     ///< One member, or several one after the other.
        deflate,  ///< What HTTP calls so: with zlib's head, or, as some servers have it, without.
    };

    explicit GzipDecoder(Format format, GzipLimits limits = {});
    GzipDecoder(GzipDecoder&&) noexcept;
    GzipDecoder& operator=(GzipDecoder&&) noexcept;
    ~GzipDecoder();

    /// Takes bytes; those fed before have to be used up: next() was empty.
    void feed(Bytes bytes);

    /// Up to 32 KiB of what comes out; nothing when it needs more bytes.
    Bytes next();

    /// No more bytes follow. An input without a byte is an output without one.
    void finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace plait
