// ViewSpec and ViewOptions: which view, and how its stream is to behave on our side.
// Not what is asked of the server: that is a ViewQuery (query.hpp).
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "plait/couch_async/view/row_splitter.hpp"
#include "plait/deferred/clock.hpp"

namespace plait::couch_async {

/// A view by name, without escapes: `_design/{design}/_view/{view}`.
struct ViewSpec {
    std::string design;
    std::string view;
    /// Couchbase: the design document under development, "dev_" before its name.
    bool use_devmode = false;
};

/// How long to wait. Zero: for ever. Passing one ends the stream with ViewTimeout, or ConnectTimeout.
struct ViewTimeouts {
    /// For the connection, name look-up included. A connector of yours may have a limit of its own (ConnectOptions).
    Duration connect = std::chrono::seconds(10);
    /// From the request to the head of the answer. With stale=false the server builds its index first: minutes.
    Duration first_byte = std::chrono::minutes(5);
    /// Between two pieces of the answer. Does not run while the stream is paused or on_rows() keeps it waiting.
    Duration idle = std::chrono::seconds(75);
    /// From start() to the end, come what may: also in a pause, and while on_rows() keeps it waiting. Rows not
    /// delivered by then are dropped.
    Duration total = Duration::zero();
};

struct ViewOptions {
    /// on_rows() gets no more than this at once, and at least one row.
    BatchBound batch;
    /// How long rows that are fewer than that may wait for others. Zero: on_rows() gets what one turn of the loop
    /// brings.
    Duration batch_delay = Duration::zero();
    ViewTimeouts timeouts;
    /// What an answer may make us hold; more ends the stream with ViewBodyError.
    SplitLimits limits;
    /// A query that makes the address longer than this goes out by POST. Units: bytes.
    std::size_t longest_address = 2048;
};

}  // namespace plait::couch_async
