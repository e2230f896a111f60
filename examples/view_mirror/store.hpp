// Store: the mirrored rows in memory, found by document id.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace view_mirror {

class Store {
public:
    /// Adds a row, as JSON text.
    void add(std::string id, std::string row);

    void clear();

    /// The rows of a document, in the view's order; null when there are none.
    const std::vector<std::string>* find(const std::string& id) const;

    std::uint64_t rows() const noexcept { return rows_; }

    /// Rows that came although just the same row was there.
    std::uint64_t repeated() const noexcept { return repeated_; }

private:
    std::unordered_map<std::string, std::vector<std::string>> by_id_;
    std::uint64_t rows_ = 0;
    std::uint64_t repeated_ = 0;
};

}  // namespace view_mirror
