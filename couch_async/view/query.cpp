#include "plait/couch_async/view/query.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

#include "plait/couch_async/view/json_text.hpp"
#include "plait/reactor/protocols/url.hpp"

namespace plait::couch_async {
namespace {

enum class Kind : std::uint8_t { json, array, text, boolean, count, stale, update, on_error };
enum class Speaks : std::uint8_t { both, couchdb, couchbase };

struct Option {
    std::string_view name;
    std::string_view other_name;
    Kind kind;
    Speaks dialect = Speaks::both;
};

constexpr std::array options{
    Option{"key", "", Kind::json},
    Option{"keys", "", Kind::array},
    Option{"startkey", "start_key", Kind::json},
    Option{"endkey", "end_key", Kind::json},
    Option{"startkey_docid", "start_key_doc_id", Kind::text},
    Option{"endkey_docid", "end_key_doc_id", Kind::text},
    Option{"inclusive_end", "", Kind::boolean},
    Option{"descending", "", Kind::boolean},
    Option{"limit", "", Kind::count},
    Option{"skip", "", Kind::count},
    Option{"reduce", "", Kind::boolean},
    Option{"group", "", Kind::boolean},
    Option{"group_level", "", Kind::count},
    Option{"include_docs", "", Kind::boolean},
    Option{"conflicts", "", Kind::boolean},
    Option{"stale", "", Kind::stale},
    Option{"on_error", "", Kind::on_error, Speaks::couchbase},
    Option{"connection_timeout", "", Kind::count, Speaks::couchbase},
    Option{"full_set", "", Kind::boolean, Speaks::couchbase},
    Option{"debug", "", Kind::boolean, Speaks::couchbase},
    Option{"sorted", "", Kind::boolean, Speaks::couchdb},
    Option{"stable", "", Kind::boolean, Speaks::couchdb},
    Option{"update", "", Kind::update, Speaks::couchdb},
    Option{"update_seq", "", Kind::boolean, Speaks::couchdb},
    Option{"attachments", "", Kind::boolean, Speaks::couchdb},
    Option{"att_encoding_info", "", Kind::boolean, Speaks::couchdb},
};

const Option* find_option(std::string_view name) noexcept {
    const auto* found = std::find_if(options.begin(), options.end(), [&](const Option& option) {
        return option.name == name || (!option.other_name.empty() && option.other_name == name);
    });
    return found == options.end() ? nullptr : found;
}

const Option& option_named(std::string_view name) {
    if (const auto* option = find_option(name)) return *option;
    throw BadQuery(
        fmt::format("\"{}\" is not an option of a view query; if the server knows it, use passthrough()", name));
}

[[noreturn]] void refuse(const Option& option, std::string_view value, std::string_view wanted) {
    throw BadQuery(fmt::format("the query option {} cannot be {}: it wants {}", option.name,
                               value.empty() ? "empty" : fmt::format("`{}`", value.substr(0, 100)), wanted));
}

bool is_count(std::string_view value) noexcept {
    std::uint64_t count = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), count);
    return error == std::errc() && end == value.data() + value.size();
}

bool is_array(std::string_view value) {
    const auto start = value.find_first_not_of(" \t\r\n");
    return start != std::string_view::npos && value[start] == '[' && is_json(value);
}

std::string one_of(const Option& option, std::string_view value, std::initializer_list<std::string_view> allowed) {
    if (std::find(allowed.begin(), allowed.end(), value) == allowed.end()) {
        refuse(option, value, fmt::format("one of {}", fmt::join(allowed, ", ")));
    }
    return std::string(value);
}

/// The value as it is kept, or BadQuery.
std::string checked(const Option& option, std::string_view value) {
    switch (option.kind) {
        case Kind::json:
            if (!is_json(value)) refuse(option, value, "JSON: a string needs its double quotes");
            break;
        case Kind::array:
            if (!is_array(value)) refuse(option, value, "a JSON array");
            break;
        case Kind::boolean:
            if (value == "1") return "true";
            if (value == "0") return "false";
            return one_of(option, value, {"true", "false"});
        case Kind::count:
            if (!is_count(value)) refuse(option, value, "a whole number, not negative");
            break;
        case Kind::stale:
            return one_of(option, value, {"ok", "update_after", "false"});
        case Kind::update:
            return one_of(option, value, {"true", "false", "lazy"});
        case Kind::on_error:
            return one_of(option, value, {"continue", "stop"});
        case Kind::text:
            break;
    }
    return std::string(value);
}

void append(std::string& query, std::string_view name, std::string_view value) {
    if (!query.empty()) query += '&';
    query += percent_encode(name);
    query += '=';
    query += percent_encode(value);
}

bool belongs_in_body(std::string_view name, Dialect dialect) noexcept {
    if (name == "keys") return true;
    return dialect == Dialect::couchdb && (name == "key" || name == "startkey" || name == "endkey");
}

std::string decoded(std::string_view text) {
    if (auto plain = percent_decode(text)) return *std::move(plain);
    throw BadQuery(
        fmt::format("`{}` in the query is not percent-encoding: write a lone % as %25", text.substr(0, 100)));
}

}  // namespace

ViewQuery& ViewQuery::keys(const std::vector<std::string>& each_json) {
    for (const auto& json : each_json) {
        if (!is_json(json)) refuse(option_named("keys"), json, "JSON for each key: a string needs its double quotes");
    }
    return set("keys", fmt::format("[{}]", fmt::join(each_json, ",")));
}

ViewQuery& ViewQuery::connection_timeout(std::chrono::milliseconds limit) {
    return set("connection_timeout", std::to_string(limit.count()));
}

ViewQuery& ViewQuery::set(std::string_view name, std::string_view value) {
    const Option& option = option_named(name);
    options_.insert_or_assign(std::string(option.name), checked(option, value));
    return *this;
}

ViewQuery& ViewQuery::passthrough(std::string_view name, std::string_view value) {
    passed_through_.insert_or_assign(std::string(name), std::string(value));
    return *this;
}

ViewQuery& ViewQuery::clear(std::string_view name) {
    const auto* option = find_option(name);
    options_.erase(std::string(option != nullptr ? option->name : name));
    passed_through_.erase(std::string(name));
    return *this;
}

std::optional<std::string> ViewQuery::get(std::string_view name) const {
    const auto* option = find_option(name);
    const auto& place = option != nullptr ? options_ : passed_through_;
    const auto found = place.find(option != nullptr ? option->name : name);
    if (found == place.end()) return std::nullopt;
    return found->second;
}

std::optional<std::uint64_t> ViewQuery::limit() const {
    const auto text = get("limit");
    if (!text) return std::nullopt;
    return std::stoull(*text);
}

bool ViewQuery::is_on(const char* name) const {
    const auto found = options_.find(name);
    return found != options_.end() && found->second == "true";
}

void ViewQuery::check(Dialect dialect) const {
    const auto spoken = dialect == Dialect::couchdb ? Speaks::couchdb : Speaks::couchbase;
    for (const auto& [name, value] : options_) {
        const Option& option = option_named(name);
        if (option.dialect != Speaks::both && option.dialect != spoken) {
            throw BadQuery(
                fmt::format("the query option {} is not one that {} has: leave it out", name, to_string(dialect)));
        }
    }
    const auto exclude = [&](std::string_view one, std::string_view other) {
        if (options_.contains(one) && options_.contains(other)) {
            throw BadQuery(fmt::format("the query options {} and {} exclude each other: leave one out", one, other));
        }
    };
    for (const auto* range : {"key", "startkey", "endkey"})
        exclude("keys", range);
    exclude("group", "group_level");
    const bool grouped = is_on("group") || is_on("reduce") || options_.contains("group_level");
    if (is_on("include_docs") && grouped) {
        throw BadQuery(
            "include_docs is not for reduced rows, which have no document: set reduce=false, or leave it out");
    }
    if (dialect == Dialect::couchdb && get("stale") == "false") {
        throw BadQuery("stale=false is not one that couchdb has: say update=true");
    }
}

std::string ViewQuery::encode(Dialect dialect) const {
    check(dialect);
    std::string query;
    for (const Option& option : options) {
        const auto found = options_.find(option.name);
        if (found != options_.end()) append(query, option.name, found->second);
    }
    for (const auto& [name, value] : passed_through_)
        append(query, name, value);
    return query;
}

ViewQuery::Posted ViewQuery::encode_post(Dialect dialect) const {
    check(dialect);
    ViewQuery rest = *this;
    std::string members;
    for (const Option& option : options) {
        const auto found = options_.find(option.name);
        if (found == options_.end() || !belongs_in_body(option.name, dialect)) continue;
        members += fmt::format("{}\"{}\":{}", members.empty() ? "" : ",", option.name, found->second);
        rest.options_.erase(found->first);
    }
    return {rest.encode(dialect), "{" + members + "}"};
}

ViewQuery parse_query(std::string_view text) {
    ViewQuery query;
    while (!text.empty()) {
        const auto end = std::min(text.find('&'), text.size());
        const auto item = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (item.empty()) continue;
        const auto equals = item.find('=');
        if (equals == std::string_view::npos) {
            throw BadQuery(fmt::format("the query option `{}` has no value: write {}=...", item, item));
        }
        const std::string name = decoded(item.substr(0, equals));
        if (query.get(name)) throw BadQuery(fmt::format("the query option {} is given twice: leave one out", name));
        query.set(name, decoded(item.substr(equals + 1)));
    }
    return query;
}

}  // namespace plait::couch_async
