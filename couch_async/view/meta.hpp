// ViewMeta: what the body of a view says beside its rows. Plain data, parsed; filled by RowSplitter.
// Not the outcome of a stream: a view may report errors here after it delivered every row it had.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace plait::couch_async {

/// One entry of the "errors" array: a node whose rows are missing. The rows of the other nodes were delivered.
struct ViewNodeError {
    std::string from;    ///< the node's URL as the server names it; may be empty
    std::string reason;  ///< a text, or JSON text where the server gave something else
};

/// The envelope around the rows. Header members are there before the first row, the others when the body is complete.
struct ViewMeta {
    /// Rows in the index, whatever the query selected. Reduced views have none.
    std::optional<std::uint64_t> total_rows;

    /// Rows of the index before the first one delivered. CouchDB only.
    std::optional<std::uint64_t> offset;

    /// Nodes that failed under on_error=continue, or the one that ended the view under on_error=stop. Couchbase only.
    std::vector<ViewNodeError> errors;

    /// Set when the envelope itself has a member "error": the server's code and reason, as in an error document that
    /// came with status 200.
    std::string error;
    std::string reason;

    /// The whole envelope as JSON text with an empty array in place of the rows: `{"total_rows":2,"rows":[]}`.
    std::string text;

    /// The JSON text of another top-level member, such as "update_seq" or "debug_info"; nothing when it is absent.
    /// Parses `text` at every call.
    std::optional<std::string> member(std::string_view name) const;
};

}  // namespace plait::couch_async
