// Dialect: which of the two view servers is spoken to. They share rows and most parameters, and differ in envelopes, in
// errors and in a few parameters. Said by the caller, never guessed from an answer.
#pragma once

#include <cstdint>

namespace plait::couch_async {

enum class Dialect : std::uint8_t {
    couchdb,    ///< Apache CouchDB, PouchDB and what speaks as they do; port 5984
    couchbase,  ///< Couchbase Server's view engine; port 8092
};

/// "couchdb", "couchbase".
constexpr const char* to_string(Dialect dialect) noexcept {
    return dialect == Dialect::couchdb ? "couchdb" : "couchbase";
}

}  // namespace plait::couch_async
