// EndpointParser: reads endpoint strings, such as "tcp:localhost:80:timeout=5", and can be taught prefixes of your own.
// Not needed for the usual ones: client_from_string() and server_from_string() of endpoint.hpp do.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "plait/reactor/endpoint.hpp"

namespace plait {

/// A string is no endpoint. The message quotes it and says where, what is wrong and what is allowed.
class BadEndpointString : public std::invalid_argument {
public:
    BadEndpointString(std::string_view text, std::size_t position, const std::string& why);

    /// Where in the string, counted from 0; its length when something is missing at the end.
    std::size_t position() const noexcept { return position_; }

private:
    std::size_t position_;
};

/// The arguments of one endpoint string, unescaped. What makes the endpoint asks for each that it knows; what it did
/// not ask for is refused.
///
/// Fails: every member throws BadEndpointString for a value that is missing or makes no sense.
class EndpointArguments {
public:
    static constexpr std::size_t longest_text = 4096;

    /// Splits `text`. Throws BadEndpointString.
    explicit EndpointArguments(std::string_view text);

    /// What is before the first colon.
    const std::string& prefix() const noexcept { return prefix_; }

    /// A needed argument: given as `key=value`, or else the next one without a name. Never empty.
    std::string needed(std::string_view key);
    /// A needed host name or address.
    std::string needed_host(std::string_view key);
    /// A needed number from `lowest` to `highest`.
    std::int64_t needed_number(std::string_view key, std::int64_t lowest, std::int64_t highest);

    /// Arguments that may be left out, given as `key=value`.
    std::optional<std::string> text(std::string_view key);
    std::optional<std::int64_t> number(std::string_view key, std::int64_t lowest, std::int64_t highest);
    /// A number written as chmod takes it, up to 7777.
    std::optional<std::int64_t> octal(std::string_view key);
    /// More than nothing, at most a year: "5", "0.25".
    std::optional<Duration> seconds(std::string_view key);
    /// "yes" or "no"; "1" and "0" do, too.
    std::optional<bool> flag(std::string_view key);
    /// A numeric IP address.
    std::optional<std::string> ip(std::string_view key);

    /// Throws for the argument `key`, if given, or else for the whole.
    [[noreturn]] void refuse(std::string_view key, const std::string& why) const;

    /// Throws when something was given that nobody asked for.
    void finish() const;

    /// How to write it, for messages; what registered the prefix says it.
    void set_usage(std::string usage) { usage_ = std::move(usage); }

private:
    struct Part {
        std::string key;  ///< empty: it has none
        std::string value;
        std::size_t position;
        bool taken = false;
    };
    struct Splitter;

    Part* find(std::string_view key) noexcept;
    Part& need(std::string_view key);
    [[noreturn]] void refuse_at(std::size_t position, const std::string& why) const;
    std::int64_t to_number(const Part& part, std::int64_t lowest, std::int64_t highest, int base) const;

    std::string text_;
    std::string prefix_;
    std::string usage_;
    std::vector<Part> parts_;
};

/// Turns strings into endpoints.
///
///     EndpointParser parser(reactor);
///     parser.add_client("onion", "onion:host:port", [&](EndpointArguments& arguments) { ... });
///     auto endpoint = parser.client("onion:abc.onion:80");
///
/// Copyable; there is no global one, so what a library adds to its own nobody else sees.
class EndpointParser {
public:
    using MakeClient = std::function<std::shared_ptr<ClientEndpoint>(EndpointArguments&)>;
    using MakeServer = std::function<std::shared_ptr<ServerEndpoint>(EndpointArguments&)>;

    /// Knows no prefix.
    EndpointParser() = default;

    /// Knows those listed at client_from_string() and server_from_string().
    /// Lifetime: the reactor outlives it and its endpoints.
    explicit EndpointParser(Reactor& reactor);

    /// Teaches it a prefix, or replaces what it knew. `usage` is for messages: "onion:host:port[:timeout=SECONDS]".
    void add_client(std::string prefix, std::string usage, MakeClient make);
    void add_server(std::string prefix, std::string usage, MakeServer make);

    /// Throws BadEndpointString, and what the function for the prefix throws.
    std::shared_ptr<ClientEndpoint> client(std::string_view text) const;
    std::shared_ptr<ServerEndpoint> server(std::string_view text) const;

private:
    template <typename Make>
    struct Kind {
        std::string usage;
        Make make;
    };
    template <typename Make>
    using Kinds = std::map<std::string, Kind<Make>, std::less<>>;

    template <typename Make>
    static auto read(const Kinds<Make>& kinds, std::string_view text);

    Kinds<MakeClient> clients_;
    Kinds<MakeServer> servers_;
};

}  // namespace plait
