#include "plait/zk/testing/fake_tree.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "plait/zk/path.hpp"

namespace plait::zk::testing {
namespace {

std::string_view parent_of(std::string_view path) {
    const auto slash = path.rfind('/');
    return slash == 0 ? path.substr(0, 1) : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

}  // namespace

FakeTree::FakeTree(OnChange on_change) : on_change_(std::move(on_change)) {
    nodes_.emplace("/", Entry());
}

const FakeTree::Entry* FakeTree::find(std::string_view path) const {
    const auto found = nodes_.find(path);
    return found == nodes_.end() ? nullptr : &found->second;
}

FakeTree::Entry* FakeTree::entry(std::string_view path) {
    const auto found = nodes_.find(path);
    return found == nodes_.end() ? nullptr : &found->second;
}

Code FakeTree::create(std::string_view path, DataView data, CreateMode mode, std::int64_t session, std::string& made) {
    if (!path_problem(path, is_sequential(mode)).empty()) return Code::bad_arguments;
    const std::string parent_path(parent_of(path));
    auto* parent = entry(parent_path);
    if (parent == nullptr) return Code::no_node;
    if (parent->stat.is_ephemeral()) return Code::no_children_for_ephemerals;
    made = path;
    if (is_sequential(mode)) made += fmt::format("{:010}", parent->next_number);
    if (entry(made) != nullptr) return Code::node_exists;

    const bool ephemeral = mode == CreateMode::ephemeral || mode == CreateMode::ephemeral_sequential;
    Entry added;
    added.data = data.view();
    added.null = data.null();
    added.stat.czxid = added.stat.mzxid = added.stat.pzxid = ++zxid_;
    added.stat.ephemeral_owner = ephemeral ? session : 0;
    added.stat.data_length = static_cast<std::int32_t>(data.view().size());
    parent->children.emplace(name_of(made));
    parent->stat.num_children = static_cast<std::int32_t>(parent->children.size());
    parent->stat.pzxid = zxid_;
    ++parent->stat.cversion;
    ++parent->next_number;
    nodes_.emplace(made, std::move(added));
    on_change_(EventType::created, made);
    on_change_(EventType::children_changed, parent_path);
    return Code::ok;
}

Code FakeTree::set(std::string_view path, DataView data, std::int32_t version) {
    auto* node = entry(path);
    if (node == nullptr) return Code::no_node;
    if (version != any_version && version != node->stat.version) return Code::bad_version;
    node->data = data.view();
    node->null = data.null();
    node->stat.mzxid = ++zxid_;
    ++node->stat.version;
    node->stat.data_length = static_cast<std::int32_t>(data.view().size());
    on_change_(EventType::data_changed, path);
    return Code::ok;
}

Code FakeTree::remove(std::string_view path, std::int32_t version) {
    auto* node = entry(path);
    if (path == "/") return Code::bad_arguments;
    if (node == nullptr) return Code::no_node;
    if (version != any_version && version != node->stat.version) return Code::bad_version;
    if (!node->children.empty()) return Code::not_empty;
    const std::string gone(path);
    const std::string parent_path(parent_of(path));
    auto* parent = entry(parent_path);
    parent->children.erase(std::string(name_of(path)));
    parent->stat.num_children = static_cast<std::int32_t>(parent->children.size());
    parent->stat.pzxid = ++zxid_;
    ++parent->stat.cversion;
    nodes_.erase(gone);
    on_change_(EventType::deleted, gone);
    on_change_(EventType::children_changed, parent_path);
    return Code::ok;
}

void FakeTree::remove_ephemerals_of(std::int64_t session) {
    std::vector<std::string> paths;
    for (const auto& [path, node] : nodes_) {
        if (node.stat.ephemeral_owner == session) paths.push_back(path);
    }
    for (const auto& path : paths)
        remove(path, any_version);
}

}  // namespace plait::zk::testing
