// Misbehaviour: how a view server answers one request wrongly, or oddly. Plain data with a fluent face.
// Nothing here is random but `random_chunks`, which is so by its seed: a failing test fails again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "plait/deferred/clock.hpp"
#include "plait/reactor/protocols/http_headers.hpp"

namespace plait::couch_async::testing {

/// What to do with one answer. By default: what a good server does.
///
///     server.next_request().cut_after_rows(10);
///     server.next_request().status(503, "nodedown", "progress not possible");    // and the one after it
///     server.every_request().random_chunks(7, 100);
struct Misbehaviour {
    /// What happens where the answer stops being a good one.
    enum class Ending : std::uint8_t {
        none,    ///< nothing does
        close,   ///< the connection is closed in good order, without the last chunk
        reset,   ///< the connection is thrown away; bytes under way may be lost
        finish,  ///< the HTTP message ends in good order, wherever the JSON was
        stall,   ///< nothing more comes, until ViewServer::release_stalled()
        errors,  ///< Couchbase: an "errors" array and the proper end; CouchDB, which has none: as `close`
    };

    // Where. Rows count those sent; bytes are of the body; wire bytes count status line and headers too.

    Misbehaviour& cut_after_rows(std::uint64_t rows) { return end(Ending::close, &Misbehaviour::rows_, rows); }
    Misbehaviour& cut_after_bytes(std::uint64_t bytes) { return end(Ending::close, &Misbehaviour::bytes_, bytes); }
    Misbehaviour& cut_after_wire_bytes(std::uint64_t bytes) {
        return end(Ending::close, &Misbehaviour::wire_bytes_, bytes);
    }
    /// The connection is closed without any answer.
    Misbehaviour& drop() { return cut_after_wire_bytes(0); }
    /// A cut, as above, that throws the connection away.
    Misbehaviour& by_reset() {
        ending_ = Ending::reset;
        return *this;
    }

    /// The chunks end properly, the JSON does not.
    Misbehaviour& finish_after_rows(std::uint64_t rows) { return end(Ending::finish, &Misbehaviour::rows_, rows); }
    Misbehaviour& finish_after_bytes(std::uint64_t bytes) { return end(Ending::finish, &Misbehaviour::bytes_, bytes); }

    Misbehaviour& stall_after_rows(std::uint64_t rows) { return end(Ending::stall, &Misbehaviour::rows_, rows); }
    Misbehaviour& stall_after_bytes(std::uint64_t bytes) { return end(Ending::stall, &Misbehaviour::bytes_, bytes); }
    /// Not even a status line.
    Misbehaviour& stall() { return end(Ending::stall, &Misbehaviour::wire_bytes_, 0); }

    /// A node fails after that many rows: see Ending::errors.
    Misbehaviour& error_after_rows(std::uint64_t rows, std::string reason, std::string from = "http://node2:8092/") {
        error_from_ = std::move(from);
        error_reason_ = std::move(reason);
        return end(Ending::errors, &Misbehaviour::rows_, rows);
    }

    // Something else instead.

    /// A status and, unless 2xx, the body `{"error":...,"reason":...}`.
    Misbehaviour& status(int code, std::string error = {}, std::string reason = {}) {
        status_ = code;
        error_ = std::move(error);
        reason_ = std::move(reason);
        return *this;
    }
    Misbehaviour& redirect(std::string location, int code = 302) {
        return status(code, "redirect", "elsewhere").header("Location", std::move(location));
    }
    Misbehaviour& header(std::string name, std::string value) {
        headers_.add(std::move(name), std::move(value));
        return *this;
    }
    /// This body in place of the view's or of the error's.
    Misbehaviour& body(std::string text) {
        body_ = std::move(text);
        return *this;
    }
    /// These bytes in place of an HTTP response; then the connection is closed.
    Misbehaviour& garbage(std::string bytes) {
        garbage_ = std::move(bytes);
        return *this;
    }

    // How it comes.

    /// Chunks of exactly this size, wherever rows end.
    Misbehaviour& chunk_bytes(std::size_t bytes) {
        chunk_bytes_ = bytes;
        return *this;
    }
    /// Chunks of 1 to `largest` bytes.
    Misbehaviour& random_chunks(std::uint64_t seed, std::size_t largest) {
        seed_ = seed;
        chunk_bytes_ = largest;
        return *this;
    }
    /// No chunks but a Content-Length, true or not; the connection is closed afterwards.
    Misbehaviour& content_length(std::uint64_t bytes) {
        content_length_ = bytes;
        return *this;
    }
    /// Neither chunks nor a length: the body ends with the connection.
    Misbehaviour& until_close() {
        until_close_ = true;
        return *this;
    }
    /// The first byte comes after this long.
    Misbehaviour& delay(Duration before_head) {
        delay_ = before_head;
        return *this;
    }
    /// About so many bytes at once, and a rest after each.
    Misbehaviour& slow(std::size_t bytes, Duration every) {
        slow_bytes_ = bytes;
        slow_every_ = every;
        return *this;
    }

    /// So many requests are answered like this, rather than one.
    Misbehaviour& times(std::uint64_t requests) {
        times_ = requests;
        return *this;
    }

    // What was asked for; read by the server.

    Ending ending_ = Ending::none;
    std::optional<std::uint64_t> rows_, bytes_, wire_bytes_;
    std::string error_from_, error_reason_;
    std::optional<int> status_;
    std::string error_, reason_;
    HttpHeaders headers_;
    std::optional<std::string> body_, garbage_;
    std::size_t chunk_bytes_ = 0;
    std::optional<std::uint64_t> seed_;
    std::optional<std::uint64_t> content_length_;
    bool until_close_ = false;
    Duration delay_{};
    std::size_t slow_bytes_ = 0;
    Duration slow_every_{};
    std::uint64_t times_ = 1;

private:
    Misbehaviour& end(Ending how, std::optional<std::uint64_t> Misbehaviour::* where, std::uint64_t count) {
        ending_ = how;
        rows_ = bytes_ = wire_bytes_ = std::nullopt;
        this->*where = count;
        return *this;
    }
};

}  // namespace plait::couch_async::testing
