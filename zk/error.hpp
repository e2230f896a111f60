// Everything a ZooKeeper call can fail with: one class a code, grouped by what the caller can do about it.
// Not here: failures to reach a server, which are named inside ConnectTimeout's text and ConnectionLoss's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include "plait/deferred/errors.hpp"
#include "plait/deferred/failure.hpp"

namespace plait::zk {

/// The server's numbers, and below -1000 two of this client's own.
/// A number that is not listed reaches the caller as UnknownError and harms nothing else.
enum class Code : std::int32_t {
    ok = 0,
    system_error = -1,
    runtime_inconsistency = -2,
    data_inconsistency = -3,
    connection_loss = -4,
    marshalling_error = -5,
    unimplemented = -6,
    operation_timeout = -7,
    bad_arguments = -8,
    new_config_no_quorum = -13,
    reconfig_in_progress = -14,
    api_error = -100,
    no_node = -101,
    no_auth = -102,
    bad_version = -103,
    no_children_for_ephemerals = -108,
    node_exists = -110,
    not_empty = -111,
    session_expired = -112,
    invalid_acl = -114,
    auth_failed = -115,
    closed = -116,
    session_moved = -118,
    not_read_only = -119,
    ephemeral_on_local_session = -120,
    no_watcher = -121,
    request_timeout = -122,
    reconfig_disabled = -123,
    session_closed_require_sasl_auth = -124,
    quota_exceeded = -125,
    throttled_op = -127,
    queue_full = -1001,
    connect_timeout = -1002,
};

/// "NoNode"; "code -4711" for a number that is not listed.
std::string to_string(Code code);

const std::error_category& zookeeper_category() noexcept;
inline std::error_code make_error_code(Code code) noexcept {
    return {static_cast<int>(code), zookeeper_category()};
}

/// The base of them all. what() reads `get /config/view: there is no such node (NoNode)`.
///
/// `code()` is a std::error_code too: `error.code() == zk::Code::no_node`.
class Error : public plait::Error {
public:
    /// `detail` says more than the code does: which argument, which server. May be empty, as may `path`.
    Error(Code code, std::string_view operation, std::string_view path, std::string_view detail = {});

    std::error_code code() const noexcept { return make_error_code(code_); }
    const std::string& operation() const noexcept { return operation_; }  ///< "get", "create" …
    const std::string& path() const noexcept { return path_; }            ///< as the caller wrote it

private:
    Code code_;
    std::string operation_;
    std::string path_;
};

/// The groups. Catch the one that says what you can do; the classes below say what happened.
///
/// Retryable    the same call may work when repeated. After ConnectionLoss or OperationTimeout a write may or may not
///              have been done: read before repeating a create or anything with a version.
/// SessionOver  this client is finished and its ephemeral nodes are gone or going: make another Client.
/// Rejected     the tree is not as the call assumed: an answer, which the caller decides on.
/// BadCall      repeating is useless until the code that calls (or the server's settings) is mended.
/// ServerFault  the server says it is broken: give up and report it.
struct Retryable : Error {
    using Error::Error;
};
struct SessionOver : Error {
    using Error::Error;
};
struct Rejected : Error {
    using Error::Error;
};
struct BadCall : Error {
    using Error::Error;
};
struct ServerFault : Error {
    using Error::Error;
};

/// The class for one code. Every alias below is a type of its own: `catch (const zk::NoNode&)`.
template <Code Value, typename Group>
struct ErrorOf : Group {
    explicit ErrorOf(std::string_view operation, std::string_view path = {}, std::string_view detail = {})
        : Group(Value, operation, path, detail) {}
};

using ConnectionLoss = ErrorOf<Code::connection_loss, Retryable>;      ///< the link broke while this was in flight
using OperationTimeout = ErrorOf<Code::operation_timeout, Retryable>;  ///< no answer within Options::request_timeout
using RequestTimeout = ErrorOf<Code::request_timeout, Retryable>;
using ThrottledOp = ErrorOf<Code::throttled_op, Retryable>;  ///< not executed: the server is overloaded, back off
using QueueFull = ErrorOf<Code::queue_full, Retryable>;      ///< not sent: too many requests wait, Options::max_queued
using SessionMoved = ErrorOf<Code::session_moved, Retryable>;
using NewConfigNoQuorum = ErrorOf<Code::new_config_no_quorum, Retryable>;
using ReconfigInProgress = ErrorOf<Code::reconfig_in_progress, Retryable>;

using SessionExpired = ErrorOf<Code::session_expired, SessionOver>;
using AuthFailed = ErrorOf<Code::auth_failed, SessionOver>;
using SessionClosedRequireSaslAuth = ErrorOf<Code::session_closed_require_sasl_auth, SessionOver>;
using Closed = ErrorOf<Code::closed, SessionOver>;  ///< the client was closed, dropped, or never started
using ConnectTimeout = ErrorOf<Code::connect_timeout, SessionOver>;  ///< no server answered in time; names each

using NoNode = ErrorOf<Code::no_node, Rejected>;
using NodeExists = ErrorOf<Code::node_exists, Rejected>;
using BadVersion = ErrorOf<Code::bad_version, Rejected>;
using NotEmpty = ErrorOf<Code::not_empty, Rejected>;  ///< remove: the node has children
using NoChildrenForEphemerals = ErrorOf<Code::no_children_for_ephemerals, Rejected>;
using EphemeralOnLocalSession = ErrorOf<Code::ephemeral_on_local_session, Rejected>;
using NoAuth = ErrorOf<Code::no_auth, Rejected>;
using NotReadOnly = ErrorOf<Code::not_read_only, Rejected>;  ///< a write reached a server cut off from its quorum
using NoWatcher = ErrorOf<Code::no_watcher, Rejected>;
using QuotaExceeded = ErrorOf<Code::quota_exceeded, Rejected>;

using BadArguments = ErrorOf<Code::bad_arguments, BadCall>;
using InvalidAcl = ErrorOf<Code::invalid_acl, BadCall>;
using MarshallingError = ErrorOf<Code::marshalling_error, BadCall>;  ///< one side could not read the other's bytes
using Unimplemented = ErrorOf<Code::unimplemented, BadCall>;  ///< older server, or a feature that is switched off
using ReconfigDisabled = ErrorOf<Code::reconfig_disabled, BadCall>;

using SystemError = ErrorOf<Code::system_error, ServerFault>;
using RuntimeInconsistency = ErrorOf<Code::runtime_inconsistency, ServerFault>;
using DataInconsistency = ErrorOf<Code::data_inconsistency, ServerFault>;
using ApiError = ErrorOf<Code::api_error, ServerFault>;

/// A number this client has no name for; code().value() has it.
struct UnknownError : Error {
    using Error::Error;
};

/// A Failure with an exception of the class that belongs to `code`. Precondition: not Code::ok.
Failure make_error(Code code, std::string_view operation, std::string_view path = {}, std::string_view detail = {},
                   SourceLocation origin = SourceLocation::current());

}  // namespace plait::zk

template <>
struct std::is_error_code_enum<plait::zk::Code> : std::true_type {};
