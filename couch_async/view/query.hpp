// ViewQuery: what is asked of a view: keys, ranges, order, limits. Checked here, before anything is sent.
// Not the view's name (ViewSpec) and not how its stream behaves on our side (ViewOptions).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "plait/couch_async/dialect.hpp"

namespace plait::couch_async {

/// An option with a value it cannot have, one the server's dialect does not know, or two that exclude each other.
/// what() names them and says what to do.
class BadQuery : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

/// Options of one query, by the servers' own names. Default: every row, in the view's order.
///
///     ViewQuery query;
///     query.startkey("\"a\"").endkey("\"b\"").inclusive_end(false).limit(100);
///
/// Keys are JSON text, so a string brings its quotes; encode_json_string() (json_text.hpp) makes them. Document ids are
/// text as it is. Setting an option again replaces it.
///
/// Fails:  setters throw BadQuery for a value the option cannot have; encode() for options that do not go together or
///         that the dialect does not have.
/// Source: the options of the Couchbase client for Python (its views/params.py), the handlers of both servers.
class ViewQuery {
public:
    /// Rows with just this key.
    ViewQuery& key(std::string_view json) { return set("key", json); }
    /// Rows with these keys, in this order: a JSON array, or each as JSON text.
    ViewQuery& keys(std::string_view json_array) { return set("keys", json_array); }
    ViewQuery& keys(const std::vector<std::string>& each_json);
    /// The first and the last key. With `descending` the first is the greater one.
    ViewQuery& startkey(std::string_view json) { return set("startkey", json); }
    ViewQuery& endkey(std::string_view json) { return set("endkey", json); }
    /// Where to begin and end among rows with the very startkey and endkey. Without those they mean nothing.
    ViewQuery& startkey_docid(std::string_view id) { return set("startkey_docid", id); }
    ViewQuery& endkey_docid(std::string_view id) { return set("endkey_docid", id); }
    ViewQuery& inclusive_end(bool on) { return set_bool("inclusive_end", on); }
    ViewQuery& descending(bool on) { return set_bool("descending", on); }
    ViewQuery& limit(std::uint64_t rows) { return set_count("limit", rows); }
    /// Read and thrown away by the server, row by row: page with startkey and startkey_docid instead.
    ViewQuery& skip(std::uint64_t rows) { return set_count("skip", rows); }
    ViewQuery& reduce(bool on) { return set_bool("reduce", on); }
    ViewQuery& group(bool on) { return set_bool("group", on); }
    ViewQuery& group_level(std::uint64_t level) { return set_count("group_level", level); }
    /// Each row with its document. Not for reduced rows.
    ViewQuery& include_docs(bool on) { return set_bool("include_docs", on); }
    ViewQuery& conflicts(bool on) { return set_bool("conflicts", on); }
    /// "ok": an old index will do. "update_after": as well, and it is updated afterwards. "false" (Couchbase): no.
    ViewQuery& stale(std::string_view how) { return set("stale", how); }

    // Couchbase alone.

    /// "continue": rows of the nodes that work, and the errors of the others. "stop".
    ViewQuery& on_error(std::string_view how) { return set("on_error", how); }
    /// What nodes allow each other.
    ViewQuery& connection_timeout(std::chrono::milliseconds limit);
    /// A development view over everything rather than over a sample.
    ViewQuery& full_set(bool on) { return set_bool("full_set", on); }
    ViewQuery& debug(bool on) { return set_bool("debug", on); }

    // CouchDB alone.

    /// False: rows as they come, perhaps before total_rows is known.
    ViewQuery& sorted(bool on) { return set_bool("sorted", on); }
    /// The same replica of each shard every time.
    ViewQuery& stable(bool on) { return set_bool("stable", on); }
    /// "true": update the index first. "false": do not. "lazy": afterwards.
    ViewQuery& update(std::string_view how) { return set("update", how); }
    ViewQuery& update_seq(bool on) { return set_bool("update_seq", on); }
    ViewQuery& attachments(bool on) { return set_bool("attachments", on); }
    ViewQuery& att_encoding_info(bool on) { return set_bool("att_encoding_info", on); }

    /// Any of the above by name, its value as it stands in an address before percent-encoding. "start_key", "end_key",
    /// "start_key_doc_id" and "end_key_doc_id" are understood.
    ViewQuery& set(std::string_view name, std::string_view value);

    /// An option not listed here, checked by nobody.
    ViewQuery& passthrough(std::string_view name, std::string_view value);

    /// Takes an option back. Does nothing when it was not set.
    ViewQuery& clear(std::string_view name);

    /// An option's value as text; nothing when it was not set.
    std::optional<std::string> get(std::string_view name) const;

    /// The `limit` that was set.
    std::optional<std::uint64_t> limit() const;

    /// For the address, percent-encoded, without "?": empty for a query of nothing.
    std::string encode(Dialect dialect) const;

    /// For a POST, when the above is too long for an address: keys are in `body`, a JSON object, all else in `query`.
    struct Posted {
        std::string query;
        std::string body;
    };
    Posted encode_post(Dialect dialect) const;

    bool operator==(const ViewQuery&) const = default;

private:
    ViewQuery& set_bool(const char* name, bool on) { return set(name, on ? "true" : "false"); }
    ViewQuery& set_count(const char* name, std::uint64_t count) { return set(name, std::to_string(count)); }
    bool is_on(const char* name) const;
    void check(Dialect dialect) const;

    std::map<std::string, std::string, std::less<>> options_;
    std::map<std::string, std::string, std::less<>> passed_through_;
};

/// Options as in an address: `startkey=%22a%22&limit=10`, percent-encoding optional where it is not ambiguous: `%` and
/// `&` need it. A plus is a plus, not a blank. Throws BadQuery for a name that is not an option, one that is given
/// twice, and as the setters do.
ViewQuery parse_query(std::string_view text);

}  // namespace plait::couch_async
