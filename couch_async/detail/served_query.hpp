// ServedQuery: what one request asks of a view, read and checked as the servers do it; the rows it selects.
// The server's side. For building a query see view/query.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plait/couch_async/dialect.hpp"
#include "plait/couch_async/testing/view_documents.hpp"

namespace plait::couch_async::detail {

/// An answer other than rows: `{"error":...,"reason":...}` with a status.
class RefusedRequest : public std::runtime_error {
public:
    RefusedRequest(int status, std::string error, std::string reason)
        : std::runtime_error(reason), status_(status), error_(std::move(error)) {}

    int status() const noexcept { return status_; }
    const std::string& error() const noexcept { return error_; }

private:
    int status_;
    std::string error_;
};

struct ServedQuery {
    using Bound = testing::ViewDocuments::Bound;

    /// The keys as sort keys.
    std::optional<std::string> start, end;
    std::optional<std::vector<std::string>> keys;
    std::optional<std::string> start_id, end_id;
    std::optional<std::uint64_t> limit;
    std::uint64_t skip = 0;
    bool descending = false;
    bool inclusive_end = true;
    bool include_docs = false;

    /// Reads the text behind the "?" and the body of a POST (empty for a GET). Throws RefusedRequest.
    static ServedQuery parse(std::string_view query, std::string_view body, Dialect dialect);
};

/// Neighbouring rows, by position in ascending order.
struct RowRange {
    std::size_t begin = 0;
    std::size_t end = 0;

    std::size_t size() const noexcept { return end - begin; }
};

/// The rows a query selects, to be taken range by range; each from its end when descending.
struct Selection {
    std::vector<RowRange> ranges;
    bool descending = false;
    /// Rows in front of the first one, in the direction of the query.
    std::size_t offset = 0;

    std::size_t size() const noexcept;
};

/// Precondition: `documents` are sorted. Throws RefusedRequest for a range that runs backwards.
Selection select(const testing::ViewDocuments& documents, const ServedQuery& query);

}  // namespace plait::couch_async::detail
