// Config: what to mirror, as an operator writes it into the configuration znode.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace view_mirror {

/// The configuration znode's JSON:
///
///     {"url": "http://user:password@host:5984/database",   where the view lives; required
///      "design": "packages", "view": "by_name",            which view; required
///      "dialect": "couchdb",                               or "couchbase"; default "couchdb"
///      "query": "endkey=\"m\"&limit=1000",                 as in a URL; default everything
///      "batch": 500}                                       rows handed on and checkpointed together, 1 to 100000
struct Config {
    std::string url;
    std::string design;
    std::string view;
    std::string dialect = "couchdb";
    std::string query;
    std::size_t batch = 500;

    /// Throws std::invalid_argument with a sentence that names the member and says what to do.
    static Config parse(std::string_view json);

    /// What a checkpoint belongs to: the view and the query, wherever it is served from.
    std::string source() const;

    friend bool operator==(const Config&, const Config&) = default;
};

}  // namespace view_mirror
