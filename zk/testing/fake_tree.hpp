// FakeTree: ZooKeeper's data model in memory: nodes, versions, sequences, ephemeral owners.
// No sessions, no watches, no wire: those are the fake server's.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "plait/deferred/unique_function.hpp"
#include "plait/zk/error.hpp"
#include "plait/zk/types.hpp"

namespace plait::zk::testing {

/// The tree behind a FakeZooKeeper. Answers as the server does, with its codes.
///
/// Not modelled: ACLs are not checked, times and `aversion` stay 0, containers and TTL nodes stay until they are
/// removed.
///
/// Lifetime: `on_change` is called from inside the calls that change something; it must not change the tree itself.
class FakeTree {
public:
    struct Entry {
        std::string data;
        bool null = false;
        Stat stat;
        std::set<std::string> children;
        std::int32_t next_number = 0;
    };
    using OnChange = UniqueFunction<void(EventType, std::string_view path)>;

    /// `on_change` is told of every change after it was made, parents' children_changed included.
    explicit FakeTree(OnChange on_change);

    const Entry* find(std::string_view path) const;

    /// `made` becomes the real path.
    Code create(std::string_view path, DataView data, CreateMode mode, std::int64_t session, std::string& made);
    Code set(std::string_view path, DataView data, std::int32_t version);
    Code remove(std::string_view path, std::int32_t version);

    /// Removes the nodes that this session owns, each a change of its own.
    void remove_ephemerals_of(std::int64_t session);

    /// The last transaction's number.
    std::int64_t zxid() const noexcept { return zxid_; }

private:
    struct Hash : std::hash<std::string_view> {
        using is_transparent = void;
    };

    Entry* entry(std::string_view path);

    OnChange on_change_;
    std::unordered_map<std::string, Entry, Hash, std::equal_to<>> nodes_;
    std::int64_t zxid_ = 1;
};

}  // namespace plait::zk::testing
