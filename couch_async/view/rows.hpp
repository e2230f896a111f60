// Rows: a batch of complete view rows and the received buffers they point into. What on_rows() gets.
// Not a stream: it never grows behind the reader's back, and it knows nothing of the rows that come later.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "plait/couch_async/view/row.hpp"
#include "plait/reactor/bytes.hpp"

namespace plait::couch_async {

/// Some rows, in the order of the view.
///
/// The batch holds the buffers; rows are plain slices. So a row costs no allocation and no reference count, and moving
/// a batch away keeps every row in it valid. A batch of one small row keeps the whole receive buffer that the row came
/// in.
///
/// The destructor lets the buffers go; every ViewRow of the batch is then invalid.
class Rows {
public:
    using value_type = ViewRow;
    using const_iterator = std::vector<ViewRow>::const_iterator;

    Rows() = default;
    Rows(Rows&&) noexcept = default;
    Rows& operator=(Rows&&) noexcept = default;
    /// Copies are possible and cost one 64-byte record a row; the text is shared.
    Rows(const Rows&) = default;
    Rows& operator=(const Rows&) = default;
    ~Rows() = default;

    const_iterator begin() const noexcept { return rows_.begin(); }
    const_iterator end() const noexcept { return rows_.end(); }
    std::size_t size() const noexcept { return rows_.size(); }
    bool empty() const noexcept { return rows_.empty(); }
    const ViewRow& operator[](std::size_t index) const noexcept { return rows_[index]; }
    const ViewRow& front() const noexcept { return rows_.front(); }
    const ViewRow& back() const noexcept { return rows_.back(); }

    /// The sum of raw().size() over the rows.
    std::size_t bytes() const noexcept { return bytes_; }

    /// An owner of `part`, which must be (within) a slice of one of these rows: it stays valid without the batch.
    /// Shares the receive buffer and so keeps all of it; `.compact()` to keep only the part. No bytes for an empty
    /// part.
    Bytes own(std::string_view part) const;

    /// Forgets the rows and buffers and keeps the room, for a caller that fills one batch again and again.
    void clear() noexcept;

private:
    friend class detail::RowsBuilder;

    std::vector<ViewRow> rows_;
    std::vector<Bytes> buffers_;
    std::size_t bytes_ = 0;
};

}  // namespace plait::couch_async
