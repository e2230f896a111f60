// ZooKeeper's records: what a client asks and what a server answers, to bytes and back.
// No I/O and no state: frames.hpp cuts the stream, session.hpp decides what is sent when.
//
//     client = ConnectRequest (RequestHeader body)*            each in a frame of its own
//     server = ConnectResponse (ReplyHeader body?)*            no body when err is not 0
//
//     ConnectRequest   int protocol=0, long last_zxid, int timeout_ms, long session_id, buffer password[16],
//                      bool read_only
//     ConnectResponse  int protocol, int timeout_ms, long session_id, buffer password[16], [bool read_only]
//     RequestHeader    int xid, int op
//     ReplyHeader      int xid, long zxid, int err
//     Stat             long czxid mzxid ctime mtime, int version cversion aversion, long ephemeral_owner,
//                      int data_length num_children, long pzxid
//     Acl              int permissions, ustring scheme, ustring id
//
//     op               request body                                          reply body
//     create 1         ustring path, buffer data, vector acl, int mode       ustring path
//     create2 15, create_container 19: as create                             ustring path, Stat
//     create_ttl 21    as create, long ttl_ms                                ustring path, Stat
//     remove 2         ustring path, int version                             -
//     exists 3         ustring path, bool watch                              Stat
//     get_data 4       ustring path, bool watch                              buffer data, Stat
//     set_data 5       ustring path, buffer data, int version                Stat
//     get_children2 12 ustring path, bool watch                              vector ustring, Stat
//     sync 9           ustring path                                          ustring path
//     ping 11          -                                                     -
//     set_watches 101  long last_zxid, vectors of ustring data exist child   -
//     close -11        -                                                     -
//
// Strings are UTF-8 as given; the server's own encoder writes characters beyond U+FFFF as two surrogates, which are
// passed on as they come.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plait/zk/proto/jute.hpp"
#include "plait/zk/types.hpp"

namespace plait::zk::proto {

enum class Op : std::int32_t {
    create = 1,
    remove = 2,
    exists = 3,
    get_data = 4,
    set_data = 5,
    sync = 9,
    ping = 11,
    get_children2 = 12,
    create2 = 15,
    create_container = 19,
    create_ttl = 21,
    set_watches = 101,
    close_session = -11,
};

/// The word for error texts: "get", "create" …
std::string_view to_string(Op op) noexcept;

/// xids with a meaning of their own. Those of ordinary requests are positive.
namespace xid {
inline constexpr std::int32_t notification = -1;
inline constexpr std::int32_t ping = -2;
inline constexpr std::int32_t set_watches = -8;
}  // namespace xid

inline constexpr std::size_t password_size = 16;
inline constexpr std::size_t frame_prefix = 4;
inline constexpr std::size_t request_header_size = 8;
inline constexpr std::size_t reply_header_size = 16;

// ---- what a client sends -----------------------------------------------------------------------------------------

struct ConnectRequest {
    std::int64_t last_zxid = 0;
    std::int32_t timeout_ms = 0;
    std::int64_t session_id = 0;
    std::string_view password;
    bool read_only = false;

    void put(auto& out) const {
        out.int32(0);
        out.int64(last_zxid);
        out.int32(timeout_ms);
        out.int64(session_id);
        out.string(password);
        out.boolean(read_only);
    }
};

/// ping, close_session: an Op and nothing more.
struct Bare {
    Op op;

    void put(auto&) const {}
};

/// sync, and with a watch: exists, get_data, get_children2.
struct PathRequest {
    Op op;
    std::string_view path;
    bool watch = false;

    void put(auto& out) const {
        out.string(path);
        if (op != Op::sync) out.boolean(watch);
    }
};

struct RemoveRequest {
    static constexpr Op op = Op::remove;
    std::string_view path;
    std::int32_t version = any_version;

    void put(auto& out) const {
        out.string(path);
        out.int32(version);
    }
};

struct SetRequest {
    static constexpr Op op = Op::set_data;
    std::string_view path;
    DataView data;
    std::int32_t version = any_version;

    void put(auto& out) const {
        out.string(path);
        data.null() ? out.null() : out.string(data.view());
        out.int32(version);
    }
};

/// The Op follows from the mode: containers and times to live have their own.
struct CreateRequest {
    Op op;
    std::string_view path;
    DataView data;
    const AclList* acl;
    CreateMode mode;
    std::int64_t ttl_ms = 0;

    void put(auto& out) const {
        out.string(path);
        data.null() ? out.null() : out.string(data.view());
        out.int32(static_cast<std::int32_t>(acl->size()));
        for (const auto& entry : *acl) {
            out.int32(entry.permissions);
            out.string(entry.scheme);
            out.string(entry.id);
        }
        out.int32(static_cast<std::int32_t>(mode));
        if (op == Op::create_ttl) out.int64(ttl_ms);
    }
};
Op create_op(CreateMode mode) noexcept;

struct SetWatchesRequest {
    static constexpr Op op = Op::set_watches;
    std::int64_t last_zxid = 0;
    std::span<const std::string_view> data, exist, child;

    void put(auto& out) const {
        out.int64(last_zxid);
        for (const auto& list : {data, exist, child}) {
            out.int32(static_cast<std::int32_t>(list.size()));
            for (const auto path : list)
                out.string(path);
        }
    }
};

/// The bytes a record takes on the wire with `header` bytes before it.
template <typename Record>
std::size_t frame_size(const Record& record, std::size_t header) noexcept {
    Sizer sizer;
    record.put(sizer);
    return frame_prefix + header + sizer.size();
}

/// Writes a whole request frame of `size == frame_size(request, request_header_size)` bytes.
template <typename Request>
void write_request(char* at, std::size_t size, std::int32_t xid, const Request& request) noexcept {
    Writer out(at);
    out.int32(static_cast<std::int32_t>(size - frame_prefix));
    out.int32(xid);
    out.int32(static_cast<std::int32_t>(request.op));
    request.put(out);
}

/// A whole request frame in a buffer of its own.
template <typename Request>
Bytes request_frame(std::int32_t xid, const Request& request) {
    std::string text(frame_size(request, request_header_size), '\0');
    write_request(text.data(), text.size(), xid, request);
    return Bytes::own(std::move(text));
}

Bytes connect_frame(const ConnectRequest& request);

// ---- what a server answers ---------------------------------------------------------------------------------------

struct ConnectResponse {
    std::int32_t timeout_ms = 0;  ///< 0 or less: the session has expired
    std::int64_t session_id = 0;
    std::array<char, password_size> password{};
    bool read_only = false;
};

/// The first frame of a connection is a ConnectResponse of 36 or 37 bytes, or, from a read-only server that cannot keep
/// a session, a bare ReplyHeader of 16: then `response` is empty and `error` is set.
struct Handshake {
    std::optional<ConnectResponse> response;
    std::int32_t error = 0;
};
Handshake read_handshake(Reader in);

struct ReplyHeader {
    std::int32_t xid = 0;
    std::int64_t zxid = 0;
    std::int32_t error = 0;
};
ReplyHeader read_reply_header(Reader& in);

Stat read_stat(Reader& in);
Node read_node(Reader& in);
std::vector<std::string> read_strings(Reader& in);
WatchEvent read_watch_event(Reader& in);

}  // namespace plait::zk::proto
