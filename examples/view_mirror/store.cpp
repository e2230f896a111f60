#include "store.hpp"

#include <algorithm>

namespace view_mirror {

void Store::add(std::string id, std::string row) {
    auto& rows = by_id_[std::move(id)];
    if (std::find(rows.begin(), rows.end(), row) != rows.end()) ++repeated_;
    rows.push_back(std::move(row));
    ++rows_;
}

void Store::clear() {
    by_id_.clear();
    rows_ = 0;
    repeated_ = 0;
}

const std::vector<std::string>* Store::find(const std::string& id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : &found->second;
}

}  // namespace view_mirror
