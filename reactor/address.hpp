// Address: where one end of a connection is; HostPort: where one is wanted, before its name is looked up.
// Not the look-up: see names.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace plait {

/// Which addresses of a host are meant.
enum class AddressFamily { any, ipv4, ipv6 };

/// A numeric IP address and a port; for transports that have neither, a descriptive text and port 0.
struct Address {
    std::string ip;
    std::uint16_t port = 0;

    /// "127.0.0.1:2181", "[::1]:2181"; a descriptive text as it is.
    std::string str() const;

    friend bool operator==(const Address&, const Address&) = default;
};

/// A host, named or numeric, and a port, not looked up yet.
struct HostPort {
    std::string host;
    std::uint16_t port = 0;

    /// "zk1.example:2181", "[::1]:2181".
    std::string str() const;

    friend bool operator==(const HostPort&, const HostPort&) = default;
};

/// Reads "host:port", "host" (if there is a default port), "[::1]:port" or "::1" (with a default port).
/// Throws std::invalid_argument with a sentence that quotes `text` and says what is wrong with it.
HostPort parse_host_port(std::string_view text, std::optional<std::uint16_t> default_port = std::nullopt);

/// Reads where to listen: "127.0.0.1:8080", "[::]:0"; port 0 picks a free one. Throws as above.
Address parse_listen_address(std::string_view text);

/// True for "127.0.0.1", "::1" and "fe80::1%eth0", false for names.
bool is_numeric_address(std::string_view host) noexcept;

}  // namespace plait
