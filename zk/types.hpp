// The words of ZooKeeper's data model: Stat, Node, CreateMode, Acl, WatchEvent, KeeperState.
// Plain values: nothing here talks to a server. The server's own names are kept (czxid, pzxid, cversion).
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "plait/reactor/bytes.hpp"

namespace plait::zk {

/// What the server knows about a node besides its data.
struct Stat {
    std::int64_t czxid = 0;     ///< transaction that created the node
    std::int64_t mzxid = 0;     ///< transaction that last changed its data
    std::int64_t ctime = 0;     ///< Units: milliseconds since 1970, the server's clock
    std::int64_t mtime = 0;     ///< Units: milliseconds since 1970, the server's clock
    std::int32_t version = 0;   ///< times the data was set; what `set` and `remove` compare
    std::int32_t cversion = 0;  ///< times the list of children changed
    std::int32_t aversion = 0;  ///< times the ACL changed
    std::int64_t ephemeral_owner =
        0;  ///< session that owns an ephemeral node, else 0 (also for container and TTL nodes)
    std::int32_t data_length = 0;
    std::int32_t num_children = 0;
    std::int64_t pzxid = 0;  ///< transaction that last added or removed a child

    bool is_ephemeral() const noexcept { return ephemeral_owner != 0; }
    bool operator==(const Stat&) const = default;
};

/// A node as `get` finds it.
///
/// Lifetime: `data` is a slice of what was received and keeps that buffer (up to 64 KiB more than itself) alive;
///           `data.compact()` before keeping small values for long.
struct Node {
    Bytes data;
    bool null = false;  ///< created with null data: not the same as empty
    Stat stat;
};

/// Data to write, only for the length of a call: anything that converts to std::string_view (a literal, std::string,
/// Bytes), or `null_data`. Empty text is written as empty, never as null.
struct NullData {};
inline constexpr NullData null_data{};

class DataView {
public:
    DataView(NullData) noexcept : null_(true) {}
    template <std::convertible_to<std::string_view> Text>
    DataView(const Text& text) noexcept : view_(text) {}

    bool null() const noexcept { return null_; }
    std::string_view view() const noexcept { return view_; }

private:
    std::string_view view_;
    bool null_ = false;
};

/// How long a new node lives, and who names it. The values are those of the wire.
enum class CreateMode : std::int32_t {
    persistent = 0,
    ephemeral = 1,              ///< removed when this session ends
    persistent_sequential = 2,  ///< the server appends a ten-digit counter to the name
    ephemeral_sequential = 3,
    container = 4,                       ///< removed by the server some time after its last child (3.5.1 and later)
    persistent_with_ttl = 5,             ///< removed when unchanged and childless for its time to live
    persistent_sequential_with_ttl = 6,  ///< both need extendedTypesEnabled on the server, else Unimplemented
};

constexpr bool is_sequential(CreateMode mode) noexcept {
    return mode == CreateMode::persistent_sequential || mode == CreateMode::ephemeral_sequential ||
           mode == CreateMode::persistent_sequential_with_ttl;
}
constexpr bool has_ttl(CreateMode mode) noexcept {
    return mode == CreateMode::persistent_with_ttl || mode == CreateMode::persistent_sequential_with_ttl;
}

/// Bits of Acl::permissions.
namespace permission {
inline constexpr std::int32_t read = 1;
inline constexpr std::int32_t write = 2;
inline constexpr std::int32_t create = 4;
inline constexpr std::int32_t remove = 8;
inline constexpr std::int32_t admin = 16;
inline constexpr std::int32_t all = 31;
}  // namespace permission

/// Who may do what with one node; not inherited by its children.
struct Acl {
    std::int32_t permissions = permission::all;
    std::string scheme = "world";
    std::string id = "anyone";

    bool operator==(const Acl&) const = default;
};
using AclList = std::vector<Acl>;

const AclList& open_acl_unsafe();  ///< everybody may do everything: the default
const AclList& read_acl_unsafe();  ///< everybody may read
const AclList& creator_all_acl();  ///< everything, for those the session is authenticated as; InvalidAcl if for none

/// Any version, for `set` and `remove`.
inline constexpr std::int32_t any_version = -1;

/// Where a client stands with its session. session.hpp draws the moves.
enum class KeeperState : std::int32_t {
    idle,        ///< not started
    connecting,  ///< no connection at present: calls wait in a queue
    connected,
    connected_read_only,  ///< connected to a server cut off from its quorum: reads may be old, writes fail NotReadOnly
    closing,              ///< close() was called: what was queued is being sent
    closed,               ///< terminal
    expired,      ///< terminal: the server ended the session, or must have: none was reached for 4/3 of the time-out
    auth_failed,  ///< terminal
};

constexpr bool is_connected(KeeperState state) noexcept {
    return state == KeeperState::connected || state == KeeperState::connected_read_only;
}
constexpr bool is_terminal(KeeperState state) noexcept {
    return state == KeeperState::closed || state == KeeperState::expired || state == KeeperState::auth_failed;
}
std::string_view to_string(KeeperState state) noexcept;

/// What happened to a watched node. The values are those of the wire.
enum class EventType : std::int32_t {
    none = -1,
    created = 1,
    deleted = 2,
    data_changed = 3,
    children_changed = 4,
};
std::string_view to_string(EventType type) noexcept;

/// Something a watch waited for. `path` is as the caller wrote it, without the chroot.
struct WatchEvent {
    EventType type = EventType::none;
    KeeperState state = KeeperState::connected;
    std::string path;

    bool operator==(const WatchEvent&) const = default;
};

}  // namespace plait::zk
