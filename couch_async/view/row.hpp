// ViewRow: one row of a view as slices of the received text. A view, not an owner: the Rows it is in keeps the text.
// Not a JSON value: nothing is decoded but the id.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace plait::couch_async {

namespace detail {
class RowReader;
class RowsBuilder;
class UsualRow;
}  // namespace detail

/// One element of the "rows" array.
///
/// Every accessor but id() gives JSON text as the server spelled it: `"abc"` with its quotes, `1e400`, `{"a":1}`. An
/// empty result means that the row has no such member (JSON text is never empty). Where a member occurs twice, the last
/// one counts. A row that is not an object has raw() and nothing else.
///
/// Lifetime: valid as long as the Rows it came from, or a Bytes made of it by Rows::own().
class ViewRow {
public:
    /// The row, from its first byte to its last.
    std::string_view raw() const noexcept { return {raw_, raw_size_}; }

    /// The document id as text, its escapes resolved. Empty for reduced rows and where "id" is not a string. Costs
    /// nothing: it is a slice of raw(), unless the id has escapes, which were resolved once when the row was split.
    std::string_view id() const noexcept { return {id_, id_size_}; }

    /// The member "id" as it was sent.
    std::string_view id_json() const noexcept { return slice(id_json_); }

    std::string_view key() const noexcept { return slice(key_); }
    std::string_view value() const noexcept { return slice(value_); }

    /// With include_docs, the document: an object, or null where it was deleted.
    std::string_view doc() const noexcept { return slice(doc_); }

    /// Why this row is not one: `"not_found"` for a key that was asked for and is not there, a reduce that failed.
    std::string_view error() const noexcept { return slice(error_); }

    /// Any member of the row by its unescaped name: "geometry", "partition", "node". Reads the row from its start at
    /// each call; the last of equal names wins.
    std::string_view member(std::string_view name) const;

private:
    friend class detail::RowReader;
    friend class detail::RowsBuilder;
    friend class detail::UsualRow;

    /// Relative to raw_; 32 bits each, so that a row fills one cache line.
    struct Part {
        std::uint32_t begin = 0;
        std::uint32_t size = 0;
    };

    std::string_view slice(Part part) const noexcept {
        return part.size == 0 ? std::string_view() : std::string_view(raw_ + part.begin, part.size);
    }

    const char* raw_ = nullptr;
    const char* id_ = nullptr;
    std::uint32_t raw_size_ = 0;
    std::uint32_t id_size_ = 0;
    Part id_json_, key_, value_, doc_, error_;
};

}  // namespace plait::couch_async
