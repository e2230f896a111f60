// HttpBodySource and HttpBodyReader: bodies that are sent while they are made, and read while they come.
// Not for bodies that fit in memory: those are one Bytes in HttpRequest and HttpResponse.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/bytes.hpp"

namespace plait {

namespace detail {
class HttpBodyQueue;
}  // namespace detail

/// A body that is asked for piece by piece, each when there is room for it at the connection.
///
///     HttpBodySource source{[file] { return file->read(65536); }, file->size()};
struct HttpBodySource {
    /// The next piece; an empty one is the end. One call at a time. What it fails with fails the request.
    UniqueFunction<Deferred<Bytes>()> next;
    /// Of the whole body, which must come out at just that size. None: it is sent in chunks.
    std::optional<std::uint64_t> length = std::nullopt;
};

/// A body that is read piece by piece. Who does not read holds up the sender: no more than a few pieces wait here.
///
///     for (;;) {
///         const Bytes piece = co_await body.read();
///         if (piece.empty()) break;
///         ...
///     }
///
/// Lifetime: move-only. Destroying it says that the rest is not wanted: the connection is closed unless all has come.
/// Threads:  the reactor's.
class HttpBodyReader {
public:
    HttpBodyReader() noexcept = default;  ///< Nothing to read.
    explicit HttpBodyReader(std::shared_ptr<detail::HttpBodyQueue> queue) noexcept : queue_(std::move(queue)) {}
    HttpBodyReader(HttpBodyReader&&) noexcept = default;
    HttpBodyReader& operator=(HttpBodyReader&& other) noexcept;
    ~HttpBodyReader();

    /// Fires:  with the next piece, without framing; an empty one is the end, and stays so.
    /// Fails:  with what ended the body early, again and again; InvalidState while another read waits.
    /// Cancel: gives the turn back: the piece goes to the next read.
    Deferred<Bytes> read();

    /// All that is still to come, in one piece.
    /// Fails: as read(); with HttpLimitExceeded as soon as it is more than `most` bytes.
    Deferred<Bytes> read_all(std::size_t most);

    /// As a body to send on: what is read here is sent there, as fast as both can.
    HttpBodySource as_source(std::optional<std::uint64_t> length = std::nullopt) &&;

private:
    std::shared_ptr<detail::HttpBodyQueue> queue_;
};

}  // namespace plait
