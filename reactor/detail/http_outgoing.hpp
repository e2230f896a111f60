// HttpOutgoing: a request in the words and the framing in which it goes out. Not public. Not who sends it: that is
// HttpClientConnection.
#pragma once

#include <memory>
#include <string>

#include "plait/deferred/clock.hpp"
#include "plait/reactor/address.hpp"
#include "plait/reactor/bytes.hpp"
#include "plait/reactor/protocols/http_body.hpp"
#include "plait/reactor/protocols/http_message.hpp"

namespace plait::detail {

/// `text`: its head. `source` stands for `body` when there is one.
struct HttpOutgoing {
    std::string name;  ///< for messages: "GET http://host/path"
    Bytes text;
    Bytes body;
    std::shared_ptr<HttpBodySource> source;
    bool to_head = false;
    bool closes = false;           ///< says `Connection: close`
    bool awaits_continue = false;  ///< says `Expect: 100-continue`
};

/// Puts a request into words. Adds `Host` and what frames the body; `Connection: close` if `close` and nothing is said.
/// A body of more than 64 KiB gets a source: it goes out in pieces, as there is room.
/// Throws std::invalid_argument for what cannot be written as a head, or would be read as something else.
HttpOutgoing write_http_request(HttpRequestHead head, Bytes body, std::shared_ptr<HttpBodySource> source,
                                const HostPort& where, bool secure, bool close);

/// Seconds, for messages.
double in_seconds(Duration time) noexcept;

}  // namespace plait::detail
