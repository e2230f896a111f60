// RowsBuilder: what the splitter may do to a batch and its rows that users may not.
#pragma once

#include <utility>

#include "plait/couch_async/view/rows.hpp"

namespace plait::couch_async::detail {

class RowsBuilder {
public:
    static void add(Rows& rows, const ViewRow& row) {
        rows.rows_.push_back(row);
        rows.bytes_ += row.raw_size_;
    }

    /// Makes the batch hold `buffer`, once for any number of rows that are added between two other buffers.
    static void hold(Rows& rows, const Bytes& buffer) {
        if (rows.buffers_.empty() || rows.buffers_.back().data() != buffer.data()) rows.buffers_.push_back(buffer);
    }
};

}  // namespace plait::couch_async::detail
