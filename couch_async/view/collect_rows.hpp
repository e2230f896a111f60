// collect_rows(): a whole view as one value, for views that are known to be small.
// Not a stream: every row is copied and kept. For many rows derive from AsyncViewBase.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "plait/couch_async/view/meta.hpp"
#include "plait/couch_async/view/query.hpp"
#include "plait/couch_async/view/view_options.hpp"
#include "plait/couch_async/view_client.hpp"
#include "plait/deferred/deferred.hpp"

namespace plait::couch_async {

/// A row with texts of its own: the id as text, the rest as JSON text, empty where the row has no such member.
struct CollectedRow {
    std::string id;
    std::string key;
    std::string value;
    std::string doc;
    std::string error;
};

struct CollectedView {
    std::vector<CollectedRow> rows;
    ViewMeta meta;
};

/// More than one of these ends the stream with TooManyRows.
struct CollectLimits {
    std::size_t rows = 100'000;
    std::size_t bytes = 64 * 1024 * 1024;
};

/// Fires:  with every row, in order.
/// Fails:  as AsyncViewBase::start(); with TooManyRows; with std::invalid_argument for what its constructor throws.
///         Rows that came before a failure are dropped.
/// Cancel: closes the connection.
/// Source: queryAll of the Couchbase client for Twisted.
Deferred<CollectedView> collect_rows(ViewClient client, ViewSpec spec, ViewQuery query = {}, CollectLimits limits = {},
                                     ViewOptions options = {});

}  // namespace plait::couch_async
