#include "plait/zk/detail/watch_table.hpp"

#include <algorithm>
#include <utility>

namespace plait::zk::detail {

WatchTable::List& WatchTable::Lists::of(WatchKind kind) noexcept {
    if (kind == WatchKind::data) return data;
    return kind == WatchKind::exist ? exist : child;
}

void WatchTable::add(WatchKind kind, std::string_view path, Promise<WatchEvent> watch) {
    if (size_ >= sweep_at_) sweep();
    auto found = lists_.find(path);
    if (found == lists_.end()) found = lists_.emplace(path, Lists()).first;
    found->second.of(kind).push_back(std::move(watch));
    ++size_;
}

void WatchTable::fire(EventType type, std::string_view path, const WatchEvent& told) {
    const auto found = lists_.find(path);
    if (found == lists_.end()) return;
    auto& lists = found->second;
    const bool of_node = type == EventType::created || type == EventType::deleted || type == EventType::data_changed;
    if (of_node) {
        queue(lists.data, told);
        queue(lists.exist, told);
    }
    if (type == EventType::children_changed || type == EventType::deleted) queue(lists.child, told);
    if (lists.empty()) lists_.erase(found);
    while (!firing_.empty()) {
        auto next = std::move(firing_.front());
        firing_.pop_front();
        next.watch.callback(std::move(next.event));
    }
}

void WatchTable::queue(List& list, const WatchEvent& event) {
    for (auto& watch : list) {
        if (watch.wanted()) firing_.push_back({std::move(watch), event});
    }
    size_ -= list.size();
    list.clear();
}

void WatchTable::fail_all(const Failure& failure) {
    auto lists = std::exchange(lists_, {});
    for (auto& [path, of_path] : lists) {
        for (const auto kind : {WatchKind::data, WatchKind::exist, WatchKind::child})
            queue(of_path.of(kind), {});
    }
    while (!firing_.empty()) {
        auto next = std::move(firing_.front());
        firing_.pop_front();
        next.watch.errback(failure);
    }
}

std::vector<WatchTable::Armed> WatchTable::armed() {
    sweep();
    std::vector<Armed> all;
    all.reserve(size_);
    for (auto& [path, of_path] : lists_) {
        for (const auto kind : {WatchKind::data, WatchKind::exist, WatchKind::child}) {
            if (!of_path.of(kind).empty()) all.push_back({path, kind});
        }
    }
    return all;
}

std::size_t WatchTable::sweep(List& list) {
    return std::erase_if(list, [](const auto& watch) { return !watch.wanted(); });
}

/// Done when the table has doubled since the last time: a constant cost a watch.
void WatchTable::sweep() {
    for (auto it = lists_.begin(); it != lists_.end();) {
        auto& lists = it->second;
        size_ -= sweep(lists.data) + sweep(lists.exist) + sweep(lists.child);
        it = lists.empty() ? lists_.erase(it) : std::next(it);
    }
    sweep_at_ = std::max<std::size_t>(64, size_ * 2);
}

}  // namespace plait::zk::detail
