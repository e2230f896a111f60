#include "plait/couch_async/detail/served_query.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include <fmt/format.h>

#include "plait/reactor/protocols/url.hpp"

namespace plait::couch_async::detail {
namespace {

namespace json = boost::json;
using testing::ViewDocuments;

[[noreturn]] void refuse(std::string reason) {
    throw RefusedRequest(400, "query_parse_error", std::move(reason));
}

std::string sort_key(std::string_view json_text) {
    try {
        return ViewDocuments::sort_key(json_text);
    } catch (const std::invalid_argument&) {
        throw RefusedRequest(400, "bad_request", "invalid_json");
    }
}

bool read_bool(std::string_view text) {
    if (text == "true") return true;
    if (text == "false") return false;
    refuse(fmt::format("Invalid boolean parameter: `{}`", text));
}

std::uint64_t read_count(std::string_view name, std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size() && !text.empty()) return value;
    refuse(fmt::format("Invalid value for {}: `{}`, a number from 0 is wanted", name, text));
}

/// Reads parameters one by one, whether they came in the address or in the body.
class Reader {
public:
    explicit Reader(Dialect dialect) : dialect_(dialect) {}

    /// A parameter as text: JSON for keys, words for the rest.
    void set(std::string_view name, std::string_view value) {
        if (name == "key") {
            query_.start = query_.end = sort_key(value);
            ranged_ = true;
        } else if (name == "startkey" || name == "start_key") {
            query_.start = sort_key(value);
            ranged_ = true;
        } else if (name == "endkey" || name == "end_key") {
            query_.end = sort_key(value);
            ranged_ = true;
        } else if (name == "keys") {
            set_keys(value);
        } else if (name == "startkey_docid" || name == "start_key_doc_id") {
            query_.start_id = std::string(value);
        } else if (name == "endkey_docid" || name == "end_key_doc_id") {
            query_.end_id = std::string(value);
        } else if (name == "limit") {
            query_.limit = read_count(name, value);
        } else if (name == "skip") {
            query_.skip = read_count(name, value);
        } else {
            set_switch(name, value);
        }
    }

    ServedQuery finish() && {
        if (query_.keys && ranged_)
            refuse(dialect_ == Dialect::couchbase ? "`keys` is not compatible with `key`, `startkey` and `endkey`"
                                                  : "`keys` is incompatible with `key`, `start_key` and `end_key`");
        return std::move(query_);
    }

private:
    void set_switch(std::string_view name, std::string_view value) {
        if (name == "descending") {
            query_.descending = read_bool(value);
        } else if (name == "inclusive_end") {
            query_.inclusive_end = read_bool(value);
        } else if (name == "include_docs") {
            query_.include_docs = read_bool(value);
        } else if (name == "reduce") {
            if (read_bool(value)) refuse("Reduce is invalid for map-only views.");
        } else if (name == "group") {
            if (read_bool(value)) refuse("Invalid use of grouping on a map view.");
        } else if (name == "group_level") {
            if (read_count(name, value) > 0) refuse("Invalid use of grouping on a map view.");
        } else if (name == "stale") {
            const bool fresh = value == "false" && dialect_ == Dialect::couchbase;
            if (!fresh && value != "ok" && value != "update_after")
                refuse(fmt::format("Invalid value for stale: `{}`", value));
        } else if (name == "on_error" && dialect_ == Dialect::couchbase) {
            if (value != "continue" && value != "stop") refuse(fmt::format("Invalid value for on_error: `{}`", value));
        }
    }

    void set_keys(std::string_view text) {
        json::error_code error;
        const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
        if (error) throw RefusedRequest(400, "bad_request", "invalid_json");
        if (!value.is_array()) throw RefusedRequest(400, "bad_request", "`keys` member must be an array.");
        query_.keys.emplace();
        for (const auto& key : value.get_array())
            query_.keys->push_back(sort_key(json::serialize(key)));
    }

    Dialect dialect_;
    ServedQuery query_;
    bool ranged_ = false;
};

/// In query strings a plus is a blank.
std::string decode_form(std::string_view text) {
    std::string blanks(text);
    std::replace(blanks.begin(), blanks.end(), '+', ' ');
    if (auto plain = percent_decode(blanks)) return *std::move(plain);
    refuse(fmt::format("Invalid percent-encoding: `{}`", text));
}

void read_address(Reader& reader, std::string_view query) {
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), pair.size() + 1));
        if (pair.empty()) continue;
        const auto equals = pair.find('=');
        const std::string value =
            equals == std::string_view::npos ? std::string() : decode_form(pair.substr(equals + 1));
        reader.set(decode_form(pair.substr(0, equals)), value);
    }
}

bool is_json_parameter(std::string_view name) {
    return name == "key" || name == "keys" || name == "startkey" || name == "start_key" || name == "endkey" ||
           name == "end_key";
}

/// Couchbase takes only `keys` from a body, CouchDB takes every parameter.
void read_body(Reader& reader, std::string_view body, Dialect dialect) {
    if (body.empty()) return;
    json::error_code error;
    const json::value value = json::parse(json::string_view(body.data(), body.size()), error);
    if (error) throw RefusedRequest(400, "bad_request", "invalid UTF-8 JSON");
    if (!value.is_object()) throw RefusedRequest(400, "bad_request", "Request body must be a JSON object");
    for (const auto& member : value.get_object()) {
        const std::string_view name(member.key().data(), member.key().size());
        if (dialect == Dialect::couchbase && name != "keys") continue;
        if (member.value().is_string() && !is_json_parameter(name)) {
            reader.set(name, std::string_view(member.value().get_string()));
        } else {
            reader.set(name, json::serialize(member.value()));
        }
    }
}

RowRange range_of(const ViewDocuments& documents, const ServedQuery& query) {
    using Bound = ViewDocuments::Bound;
    RowRange range{0, documents.size()};
    if (query.start) {
        const Bound bound{*query.start, query.start_id, query.descending};
        (query.descending ? range.end : range.begin) = documents.position(bound);
    }
    if (query.end) {
        // Inclusive: behind the last key in our direction. Exclusive: in front of it, or of one id within it.
        const Bound bound{*query.end, query.end_id, query.descending != query.inclusive_end};
        (query.descending ? range.begin : range.end) = documents.position(bound);
    }
    range.end = std::max(range.begin, range.end);
    return range;
}

void refuse_backward_range(const ServedQuery& query) {
    if (!query.start || !query.end) return;
    if (query.descending ? *query.start < *query.end : *query.end < *query.start)
        refuse("No rows can match your key range, reverse your start_key and end_key or set descending=" +
               std::string(query.descending ? "false" : "true"));
}

void drop_first(Selection& selection, std::uint64_t count) {
    for (auto& range : selection.ranges) {
        const auto dropped = static_cast<std::size_t>(std::min<std::uint64_t>(count, range.size()));
        if (selection.descending) {
            range.end -= dropped;
        } else {
            range.begin += dropped;
        }
        count -= dropped;
    }
}

void keep_first(Selection& selection, std::uint64_t count) {
    for (auto& range : selection.ranges) {
        const auto kept = static_cast<std::size_t>(std::min<std::uint64_t>(count, range.size()));
        if (selection.descending) {
            range.begin = range.end - kept;
        } else {
            range.end = range.begin + kept;
        }
        count -= kept;
    }
}

}  // namespace

ServedQuery ServedQuery::parse(std::string_view query, std::string_view body, Dialect dialect) {
    Reader reader(dialect);
    read_address(reader, query);
    read_body(reader, body, dialect);
    return std::move(reader).finish();
}

std::size_t Selection::size() const noexcept {
    std::size_t sum = 0;
    for (const auto& range : ranges)
        sum += range.size();
    return sum;
}

Selection select(const ViewDocuments& documents, const ServedQuery& query) {
    Selection selection;
    selection.descending = query.descending;
    if (query.keys) {
        for (const auto& key : *query.keys)
            selection.ranges.push_back({documents.position({key, {}, false}), documents.position({key, {}, true})});
    } else {
        refuse_backward_range(query);
        const RowRange range = range_of(documents, query);
        selection.offset = query.descending ? documents.size() - range.end : range.begin;
        selection.ranges.push_back(range);
    }
    selection.offset += static_cast<std::size_t>(std::min<std::uint64_t>(query.skip, selection.size()));
    drop_first(selection, query.skip);
    if (query.limit) keep_first(selection, *query.limit);
    return selection;
}

}  // namespace plait::couch_async::detail
