#include "plait/zk/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace plait::zk {
namespace {

using Make = Failure (*)(std::string_view, std::string_view, std::string_view, SourceLocation);

template <typename E>
Failure make(std::string_view operation, std::string_view path, std::string_view detail, SourceLocation origin) {
    return make_failure(E(operation, path, detail), origin);
}

struct Known {
    Code code;
    const char* name;
    const char* meaning;
    Make make;
};

const Known known[] = {
    {Code::system_error, "SystemError", "the server reports an internal error", make<SystemError>},
    {Code::runtime_inconsistency, "RuntimeInconsistency", "the server found itself inconsistent",
     make<RuntimeInconsistency>},
    {Code::data_inconsistency, "DataInconsistency", "the server found its data inconsistent", make<DataInconsistency>},
    {Code::connection_loss, "ConnectionLoss", "the connection was lost before the reply", make<ConnectionLoss>},
    {Code::marshalling_error, "MarshallingError", "one side could not read the other's bytes", make<MarshallingError>},
    {Code::unimplemented, "Unimplemented", "the server does not offer this, or has it switched off",
     make<Unimplemented>},
    {Code::operation_timeout, "OperationTimeout", "no reply came in time", make<OperationTimeout>},
    {Code::bad_arguments, "BadArguments", "the arguments are not valid", make<BadArguments>},
    {Code::new_config_no_quorum, "NewConfigNoQuorum", "the new configuration has no quorum connected",
     make<NewConfigNoQuorum>},
    {Code::reconfig_in_progress, "ReconfigInProgress", "another reconfiguration is in progress",
     make<ReconfigInProgress>},
    {Code::api_error, "ApiError", "the server reports an API error", make<ApiError>},
    {Code::no_node, "NoNode", "there is no such node", make<NoNode>},
    {Code::no_auth, "NoAuth", "the node's ACL does not allow it", make<NoAuth>},
    {Code::bad_version, "BadVersion", "the node has another version", make<BadVersion>},
    {Code::no_children_for_ephemerals, "NoChildrenForEphemerals", "ephemeral nodes cannot have children",
     make<NoChildrenForEphemerals>},
    {Code::node_exists, "NodeExists", "the node exists already", make<NodeExists>},
    {Code::not_empty, "NotEmpty", "the node has children", make<NotEmpty>},
    {Code::session_expired, "SessionExpired", "the session has expired: make a new client", make<SessionExpired>},
    {Code::invalid_acl, "InvalidAcl", "the ACL is empty or names a scheme or id the server does not take",
     make<InvalidAcl>},
    {Code::auth_failed, "AuthFailed", "the server refused the credentials", make<AuthFailed>},
    {Code::closed, "Closed", "the client is closed", make<Closed>},
    {Code::session_moved, "SessionMoved", "the session has moved to another server", make<SessionMoved>},
    {Code::not_read_only, "NotReadOnly", "the server is cut off from its quorum and only answers reads",
     make<NotReadOnly>},
    {Code::ephemeral_on_local_session, "EphemeralOnLocalSession", "a local session cannot own ephemeral nodes",
     make<EphemeralOnLocalSession>},
    {Code::no_watcher, "NoWatcher", "there is no such watch", make<NoWatcher>},
    {Code::request_timeout, "RequestTimeout", "the request timed out", make<RequestTimeout>},
    {Code::reconfig_disabled, "ReconfigDisabled", "reconfiguration is switched off on the server",
     make<ReconfigDisabled>},
    {Code::session_closed_require_sasl_auth, "SessionClosedRequireSaslAuth", "the server insists on SASL",
     make<SessionClosedRequireSaslAuth>},
    {Code::quota_exceeded, "QuotaExceeded", "a quota on this part of the tree is used up", make<QuotaExceeded>},
    {Code::throttled_op, "ThrottledOp", "the server is overloaded and did not execute it: retry later",
     make<ThrottledOp>},
    {Code::queue_full, "QueueFull", "too many requests are waiting; not sent", make<QueueFull>},
    {Code::connect_timeout, "ConnectTimeout", "no server could be reached", make<ConnectTimeout>},
};

const Known* find(Code code) noexcept {
    const auto* found = std::find_if(std::begin(known), std::end(known), [code](auto& k) { return k.code == code; });
    return found == std::end(known) ? nullptr : found;
}

class Category : public std::error_category {
public:
    const char* name() const noexcept override { return "zookeeper"; }

    std::string message(int value) const override {
        const auto* entry = find(static_cast<Code>(value));
        if (entry == nullptr)
            return fmt::format("the server answered error {}, which this client does not know", value);
        return fmt::format("{} ({})", entry->meaning, entry->name);
    }
};

std::string sentence(Code code, std::string_view operation, std::string_view path, std::string_view detail) {
    std::string text(operation);
    if (!path.empty()) fmt::format_to(std::back_inserter(text), " {}", path);
    fmt::format_to(std::back_inserter(text), ": {}", zookeeper_category().message(static_cast<int>(code)));
    if (!detail.empty()) fmt::format_to(std::back_inserter(text), ": {}", detail);
    return text;
}

}  // namespace

std::string to_string(Code code) {
    if (code == Code::ok) return "Ok";
    const auto* entry = find(code);
    return entry == nullptr ? fmt::format("code {}", static_cast<int>(code)) : entry->name;
}

const std::error_category& zookeeper_category() noexcept {
    static const Category category;
    return category;
}

Error::Error(Code code, std::string_view operation, std::string_view path, std::string_view detail)
    : plait::Error(sentence(code, operation, path, detail)), code_(code), operation_(operation), path_(path) {}

Failure make_error(Code code, std::string_view operation, std::string_view path, std::string_view detail,
                   SourceLocation origin) {
    const auto* entry = find(code);
    if (entry == nullptr) return make_failure(UnknownError(code, operation, path, detail), origin);
    return entry->make(operation, path, detail, origin);
}

}  // namespace plait::zk
