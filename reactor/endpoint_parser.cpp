#include "plait/reactor/endpoint_parser.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "plait/reactor/detail/standard_endpoints.hpp"

namespace plait {

namespace {

bool is_control(char c) noexcept {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
}

std::string quoted(std::string_view text) {
    std::string shown = "\"";
    for (const char c : text.substr(0, 200))
        shown += is_control(c) ? '?' : c;
    return shown + "\"";
}

}  // namespace

BadEndpointString::BadEndpointString(std::string_view text, std::size_t position, const std::string& why)
    : std::invalid_argument(quoted(text) + " is no endpoint: at position " + std::to_string(position) + ", " + why),
      position_(position) {}

/// Reads one argument after the other, taking the escapes away.
struct EndpointArguments::Splitter {
    const EndpointArguments& owner;
    std::string_view text;
    std::size_t at = 0;

    /// The argument at `at`; afterwards at the colon that ends it, or at the end.
    Part next() {
        Part part{{}, {}, at, false};
        bool named = false;
        for (; at < text.size() && text[at] != ':'; ++at) {
            if (text[at] == '=' && !named) {
                if (part.value.empty()) owner.refuse_at(at, "an argument has no name before its \"=\"");
                part.key = std::exchange(part.value, {});
                named = true;
                continue;
            }
            if (text[at] == '\\') {
                ++at;
                if (at == text.size())
                    owner.refuse_at(at - 1, "the backslash has nothing to quote; write \\\\ for a backslash");
            }
            if (is_control(text[at])) owner.refuse_at(at, "there is a control character");
            part.value += text[at];
        }
        return part;
    }
};

EndpointArguments::EndpointArguments(std::string_view text) : text_(text.substr(0, longest_text)) {
    if (text.size() > longest_text)
        refuse_at(longest_text, "it is longer than " + std::to_string(longest_text) + " characters");
    Splitter splitter{*this, text_};
    Part prefix = splitter.next();
    if (!prefix.key.empty()) refuse_at(prefix.key.size(), "the prefix has a \"=\"");
    prefix_ = std::move(prefix.value);
    if (splitter.at + 1 == text_.size()) return;  // "stdio:" has none
    while (splitter.at < text_.size()) {
        ++splitter.at;
        Part part = splitter.next();
        if (!part.key.empty() && find(part.key) != nullptr)
            refuse_at(part.position, quoted(part.key) + " is given twice");
        parts_.push_back(std::move(part));
    }
}

EndpointArguments::Part* EndpointArguments::find(std::string_view key) noexcept {
    for (Part& part : parts_)
        if (part.key == key && !key.empty()) return &part;
    return nullptr;
}

EndpointArguments::Part& EndpointArguments::need(std::string_view key) {
    Part* part = find(key);
    for (Part& other : parts_)
        if (part == nullptr && other.key.empty() && !other.taken) part = &other;
    if (part == nullptr) refuse_at(text_.size(), "the " + std::string(key) + " is missing");
    part->taken = true;
    part->key = key;
    if (part->value.empty()) refuse_at(part->position, "the " + std::string(key) + " is empty");
    return *part;
}

void EndpointArguments::refuse_at(std::size_t position, const std::string& why) const {
    throw BadEndpointString(text_, position, why + (usage_.empty() ? "" : "; write " + usage_));
}

void EndpointArguments::refuse(std::string_view key, const std::string& why) const {
    for (const Part& part : parts_)
        if (part.key == key) refuse_at(part.position, why);
    refuse_at(text_.size(), why);
}

void EndpointArguments::finish() const {
    for (const Part& part : parts_) {
        if (part.taken) continue;
        refuse_at(part.position, part.key.empty() ? "there is one argument too many, " + quoted(part.value)
                                                  : "there is no argument named " + quoted(part.key));
    }
}

std::int64_t EndpointArguments::to_number(const Part& part, std::int64_t lowest, std::int64_t highest, int base) const {
    std::int64_t value = 0;
    const char* const end = part.value.data() + part.value.size();
    const auto [stopped, error] = std::from_chars(part.value.data(), end, value, base);
    if (error == std::errc() && stopped == end && value >= lowest && value <= highest) return value;
    const bool octal = base == 8;
    refuse_at(part.position,
              "the " + part.key + " must be " +
                  (octal ? "an octal number from 0 to 7777"
                         : "a number from " + std::to_string(lowest) + " to " + std::to_string(highest)) +
                  ", not " + quoted(part.value));
}

std::string EndpointArguments::needed(std::string_view key) {
    return need(key).value;
}

std::string EndpointArguments::needed_host(std::string_view key) {
    const Part& part = need(key);
    if (part.value.find_first_of(" /") != std::string::npos)
        refuse_at(part.position, "the " + std::string(key) + " has a space or a slash in it");
    return part.value;
}

std::int64_t EndpointArguments::needed_number(std::string_view key, std::int64_t lowest, std::int64_t highest) {
    return to_number(need(key), lowest, highest, 10);
}

std::optional<std::string> EndpointArguments::text(std::string_view key) {
    Part* const part = find(key);
    if (part == nullptr) return std::nullopt;
    part->taken = true;
    if (part->value.empty()) refuse_at(part->position, "the " + std::string(key) + " is empty");
    return part->value;
}

std::optional<std::int64_t> EndpointArguments::number(std::string_view key, std::int64_t lowest, std::int64_t highest) {
    if (!text(key)) return std::nullopt;
    return to_number(*find(key), lowest, highest, 10);
}

std::optional<std::int64_t> EndpointArguments::octal(std::string_view key) {
    if (!text(key)) return std::nullopt;
    return to_number(*find(key), 0, 07777, 8);
}

std::optional<Duration> EndpointArguments::seconds(std::string_view key) {
    const auto given = text(key);
    if (!given) return std::nullopt;
    constexpr double most = 366.0 * 24 * 3600;
    double value = 0;
    const char* const end = given->data() + given->size();
    const auto [stopped, error] = std::from_chars(given->data(), end, value, std::chars_format::fixed);
    if (error != std::errc() || stopped != end || !std::isfinite(value) || value <= 0 || value > most)
        refuse(key, "the " + std::string(key) + " must be a number of seconds above 0, not " + quoted(*given));
    return std::max(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(value)), Duration(1));
}

std::optional<bool> EndpointArguments::flag(std::string_view key) {
    const auto given = text(key);
    if (!given) return std::nullopt;
    if (*given == "yes" || *given == "1") return true;
    if (*given == "no" || *given == "0") return false;
    refuse(key, "the " + std::string(key) + " must be yes or no, not " + quoted(*given));
}

std::optional<std::string> EndpointArguments::ip(std::string_view key) {
    auto given = text(key);
    if (given && !is_numeric_address(*given))
        refuse(key, "the " + std::string(key) +
                        " must be a numeric address (in IPv6, each colon is written \\:), not " + quoted(*given));
    return given;
}

EndpointParser::EndpointParser(Reactor& reactor) {
    detail::add_standard_endpoints(*this, reactor);
}

void EndpointParser::add_client(std::string prefix, std::string usage, MakeClient make) {
    clients_[std::move(prefix)] = {std::move(usage), std::move(make)};
}

void EndpointParser::add_server(std::string prefix, std::string usage, MakeServer make) {
    servers_[std::move(prefix)] = {std::move(usage), std::move(make)};
}

template <typename Make>
auto EndpointParser::read(const Kinds<Make>& kinds, std::string_view text) {
    EndpointArguments arguments(text);
    const auto kind = kinds.find(arguments.prefix());
    if (kind == kinds.end()) {
        std::string known;
        for (const auto& [prefix, unused] : kinds)
            known += (known.empty() ? "" : " ") + prefix + ":";
        throw BadEndpointString(
            text, 0, "there is no kind " + quoted(arguments.prefix()) + " here; it begins with one of " + known);
    }
    arguments.set_usage(kind->second.usage);
    auto made = kind->second.make(arguments);
    arguments.finish();
    return made;
}

std::shared_ptr<ClientEndpoint> EndpointParser::client(std::string_view text) const {
    return read(clients_, text);
}

std::shared_ptr<ServerEndpoint> EndpointParser::server(std::string_view text) const {
    return read(servers_, text);
}

std::shared_ptr<ClientEndpoint> client_from_string(Reactor& reactor, std::string_view text) {
    return EndpointParser(reactor).client(text);
}

std::shared_ptr<ServerEndpoint> server_from_string(Reactor& reactor, std::string_view text) {
    return EndpointParser(reactor).server(text);
}

std::string quote_string_argument(std::string_view argument) {
    std::string quoted;
    for (const char c : argument) {
        if (c == ':' || c == '=' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return quoted;
}

}  // namespace plait
