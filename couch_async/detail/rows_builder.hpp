// RowsBuilder: what the splitter may do to a batch and its rows that users may not.
#pragma once

#include <cstdint>

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

    // A row filled in place. Until count() it is not part of the batch, and drop_last() takes it back.

    static ViewRow& add_empty(Rows& rows) { return rows.rows_.emplace_back(); }
    static void drop_last(Rows& rows) noexcept { rows.rows_.pop_back(); }
    static void count(Rows& rows, std::uint32_t bytes) noexcept { rows.bytes_ += bytes; }

    /// Sets what follows from the row's place in `text`. False where the id needs more: `plain` says that nothing is
    /// escaped.
    static bool finish(ViewRow& row, const char* text, std::uint32_t begin, std::uint32_t end, bool plain) noexcept {
        row.raw_ = text + begin;
        row.raw_size_ = end - begin;
        if (row.id_json_.size == 0) return true;
        const char* const id = row.raw_ + row.id_json_.begin;
        if (*id != '"') return true;
        row.id_ = id + 1;
        row.id_size_ = row.id_json_.size - 2;
        return plain || row.id().find('\\') == std::string_view::npos;
    }
};

}  // namespace plait::couch_async::detail
