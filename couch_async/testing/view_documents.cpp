#include "plait/couch_async/testing/view_documents.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "plait/couch_async/detail/collation.hpp"
#include "plait/couch_async/view/json_text.hpp"

namespace plait::couch_async::testing {
namespace {

std::uint32_t checked_size(std::string_view text) {
    if (text.size() > std::numeric_limits<std::uint32_t>::max())
        throw std::length_error("a text of a view row is limited to 4 GiB");
    return static_cast<std::uint32_t>(text.size());
}

}  // namespace

void ViewDocuments::add(std::string_view id, std::string_view key, std::string_view value, std::string_view doc) {
    if (entries_.size() == std::numeric_limits<std::uint32_t>::max())
        throw std::length_error("a view is limited to four billion rows");
    const std::string order = sort_key(key);
    const std::string id_json = encode_json_string(id);
    entries_.push_back({text_.size(), checked_size(order), checked_size(id), checked_size(id_json), checked_size(key),
                        checked_size(value), checked_size(doc)});
    text_.append(order).append(id).append(id_json).append(key).append(value).append(doc);
    sorted_ = false;
}

void ViewDocuments::add(std::string_view id, std::string_view value) {
    const std::string key = encode_json_string(id);
    add(id, key, value);
}

void ViewDocuments::reserve(std::size_t rows, std::size_t bytes) {
    entries_.reserve(rows);
    text_.reserve(bytes);
}

std::pair<std::string_view, std::string_view> ViewDocuments::order_of(const Entry& entry) const noexcept {
    return {text(entry.begin, entry.sort_key), text(entry.begin + entry.sort_key, entry.id)};
}

void ViewDocuments::sort() {
    if (sorted_) return;
    // Rows that are equal in both stay as they were added; std::stable_sort uses what newer libraries deprecate.
    std::sort(entries_.begin(), entries_.end(), [this](const Entry& a, const Entry& b) {
        const auto first = order_of(a);
        const auto second = order_of(b);
        return first != second ? first < second : a.begin < b.begin;
    });
    sorted_ = true;
}

ViewDocuments::Row ViewDocuments::row(std::size_t position) const noexcept {
    const Entry& entry = entries_[position];
    std::uint64_t at = entry.begin + entry.sort_key + entry.id;
    const auto next = [this, &at](std::uint32_t size) {
        const auto part = text(at, size);
        at += size;
        return part;
    };
    Row row;
    row.id_json = next(entry.id_json);
    row.key = next(entry.key);
    row.value = next(entry.value);
    row.doc = next(entry.doc);
    return row;
}

std::size_t ViewDocuments::position(const Bound& bound) const noexcept {
    const auto in_front = [this, &bound](const Entry& entry) {
        const auto [key, id] = order_of(entry);
        if (key != bound.key) return key < bound.key;
        if (!bound.id) return bound.after;
        return bound.after ? id <= *bound.id : id < *bound.id;
    };
    return static_cast<std::size_t>(std::partition_point(entries_.begin(), entries_.end(), in_front) -
                                    entries_.begin());
}

std::string ViewDocuments::sort_key(std::string_view json) {
    return detail::collation_key(json);
}

}  // namespace plait::couch_async::testing
