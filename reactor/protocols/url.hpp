// Url: an http or https address taken apart, and percent-encoding for its pieces.
// Not a general URI library: no other schemes, and addresses are taken as they are written, dots and all.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "plait/reactor/address.hpp"

namespace plait {

/// The text is not an address this client can use. what() quotes it and names the part, never a password.
class BadUrl : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

/// `http://user:password@host:port/path?query`
///
/// secure    the scheme is https: the connection is to be made over TLS
/// host      a name, an IPv4 address, or an IPv6 address, which is written in brackets and kept without them
/// port      1 to 65535; 80 when absent, 443 for https
/// path      percent-encoded as it came, "/" when absent; bytes beyond ASCII are encoded here
/// query     likewise, without the "?"
/// A fragment ("#part") is dropped: it is never sent to a server.
struct Url {
    bool secure = false;
    std::string user;
    std::string password;
    std::string host;
    std::uint16_t port = 80;
    std::string path = "/";
    std::optional<std::string> query;

    /// Fails: throws BadUrl.
    static Url parse(std::string_view text);

    /// What `reference`, found in a document or a `Location` at this address, points to: a whole address, "//host/x",
    /// "/x", "x", "../x", "?q" or nothing. User and password stay for as long as the origin does.
    /// Fails:  throws BadUrl.
    /// Source: RFC 3986, section 5.2.
    Url resolve(std::string_view reference) const;

    /// Scheme, host and port are the same: what is meant for the one may be told to the other. Case of the host does
    /// not count.
    bool same_origin(const Url& other) const noexcept;

    /// Where to connect.
    HostPort host_port() const { return {host, port}; }

    /// What goes on the request line: path and query.
    std::string target() const;

    /// What goes into `Host`: brackets around IPv6, the port unless it is the usual one.
    std::string authority() const;

    /// The whole address without user and password: fit for logs and messages.
    std::string str() const;

    /// The value of an `Authorization: Basic` header; nothing when the address names no user.
    std::optional<std::string> basic_authorization() const;
};

/// Everything but letters, digits and `-._~` becomes %XX: fits anywhere in an address, a slash included.
std::string percent_encode(std::string_view text);

/// As above, but leaves the slash: for a whole path.
std::string percent_encode_path(std::string_view text);

/// The text behind %XX. A plus stays a plus. Nothing when a % is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace plait
