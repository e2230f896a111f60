// ViewDocuments: what a view's index holds: ids, keys, values, documents, in the order the view serves them.
// Not a database: nothing is mapped, reduced or updated. The caller says what the map function emitted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace plait::couch_async::testing {

/// The rows of one view.
///
///     ViewDocuments packages;
///     packages.add("bash", R"("bash")", R"({"version":"5.2"})");
///     server.add_view("debian", "packages", "by_name", std::move(packages));
///
/// Order: by key, then by id. Keys of different types: null, false, true, numbers, strings, arrays, objects, as CouchDB
/// has it. Strings compare by their bytes, which CouchDB (Unicode collation) does not do; numbers compare as doubles.
///
/// Memory: one buffer for all text and 32 bytes a row; a hundred thousand rows are added and sorted in well under a
/// second.
class ViewDocuments {
public:
    /// One row as it will be sent. Valid until the next `add()`.
    struct Row {
        std::string_view id_json;  ///< with quotes and escapes
        std::string_view key;
        std::string_view value;
        std::string_view doc;  ///< empty: "doc":null is sent with include_docs
    };

    /// Adds a row: a document's id as text, and JSON texts of the key, the value and the document. The same id may be
    /// added several times, as a map function may emit several times.
    /// Value and document are sent as they are, unchecked: a test may want them broken.
    /// Throws std::invalid_argument when `key` is not JSON, std::length_error for more than four billion rows.
    void add(std::string_view id, std::string_view key, std::string_view value, std::string_view doc = {});

    /// Adds a row whose key is the id, as a string.
    void add(std::string_view id, std::string_view value);

    void reserve(std::size_t rows, std::size_t bytes);

    /// Puts the rows in order. A server does it when it is given them.
    void sort();

    std::size_t size() const noexcept { return entries_.size(); }
    bool empty() const noexcept { return entries_.empty(); }

    /// Precondition: sorted, position < size().
    Row row(std::size_t position) const noexcept;

    /// A place between rows: in front of all rows of a key, behind them, or in front of or behind one id within them.
    struct Bound {
        std::string key;                ///< sort_key() of the key
        std::optional<std::string> id;  ///< absent: all ids of the key
        bool after = false;             ///< behind what is named rather than in front of it
    };

    /// How many rows lie in front of `bound`. Precondition: sorted.
    std::size_t position(const Bound& bound) const noexcept;

    /// Bytes that compare as keys are ordered. Throws std::invalid_argument when `json` is not JSON.
    static std::string sort_key(std::string_view json);

private:
    /// Where the texts of a row are: one after the other from `begin`, in the order of the sizes.
    struct Entry {
        std::uint64_t begin = 0;
        std::uint32_t sort_key = 0;
        std::uint32_t id = 0;
        std::uint32_t id_json = 0;
        std::uint32_t key = 0;
        std::uint32_t value = 0;
        std::uint32_t doc = 0;
    };

    std::string_view text(std::uint64_t begin, std::uint32_t size) const noexcept {
        return std::string_view(text_).substr(begin, size);
    }
    std::pair<std::string_view, std::string_view> order_of(const Entry& entry) const noexcept;

    std::string text_;
    std::vector<Entry> entries_;
    bool sorted_ = true;
};

}  // namespace plait::couch_async::testing
