#include "plait/zk/types.hpp"

namespace plait::zk {

const AclList& open_acl_unsafe() {
    static const AclList list{Acl{permission::all, "world", "anyone"}};
    return list;
}

const AclList& read_acl_unsafe() {
    static const AclList list{Acl{permission::read, "world", "anyone"}};
    return list;
}

const AclList& creator_all_acl() {
    static const AclList list{Acl{permission::all, "auth", ""}};
    return list;
}

std::string_view to_string(KeeperState state) noexcept {
    switch (state) {
        case KeeperState::idle:
            return "idle";
        case KeeperState::connecting:
            return "connecting";
        case KeeperState::connected:
            return "connected";
        case KeeperState::connected_read_only:
            return "connected_read_only";
        case KeeperState::closing:
            return "closing";
        case KeeperState::closed:
            return "closed";
        case KeeperState::expired:
            return "expired";
        case KeeperState::auth_failed:
            return "auth_failed";
    }
    return "unknown";
}

std::string_view to_string(EventType type) noexcept {
    switch (type) {
        case EventType::none:
            return "none";
        case EventType::created:
            return "created";
        case EventType::deleted:
            return "deleted";
        case EventType::data_changed:
            return "data_changed";
        case EventType::children_changed:
            return "children_changed";
    }
    return "unknown";
}

}  // namespace plait::zk
