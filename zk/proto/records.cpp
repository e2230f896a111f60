#include "plait/zk/proto/records.hpp"

#include <algorithm>

namespace plait::zk::proto {

std::string_view to_string(Op op) noexcept {
    switch (op) {
        case Op::create:
        case Op::create2:
        case Op::create_container:
        case Op::create_ttl:
            return "create";
        case Op::remove:
            return "remove";
        case Op::exists:
            return "exists";
        case Op::get_data:
            return "get";
        case Op::set_data:
            return "set";
        case Op::sync:
            return "sync";
        case Op::ping:
            return "ping";
        case Op::get_children2:
            return "get_children";
        case Op::set_watches:
            return "set_watches";
        case Op::close_session:
            return "close";
    }
    return "request";
}

Op create_op(CreateMode mode) noexcept {
    if (has_ttl(mode)) return Op::create_ttl;
    return mode == CreateMode::container ? Op::create_container : Op::create;
}

Bytes connect_frame(const ConnectRequest& request) {
    std::string text(frame_size(request, 0), '\0');
    Writer out(text.data());
    out.int32(static_cast<std::int32_t>(text.size() - frame_prefix));
    request.put(out);
    return Bytes::own(std::move(text));
}

Handshake read_handshake(Reader in) {
    Handshake handshake;
    if (in.remaining() == reply_header_size) {
        handshake.error = read_reply_header(in).error;
        return handshake;
    }
    ConnectResponse response;
    in.int32();  // the protocol version, always 0
    response.timeout_ms = in.int32();
    response.session_id = in.int64();
    const auto password = in.string();
    std::copy_n(password.begin(), std::min(password.size(), password_size), response.password.begin());
    response.read_only = in.remaining() > 0 && in.boolean();
    handshake.response = response;
    return handshake;
}

ReplyHeader read_reply_header(Reader& in) {
    ReplyHeader header;
    header.xid = in.int32();
    header.zxid = in.int64();
    header.error = in.int32();
    return header;
}

Stat read_stat(Reader& in) {
    Stat stat;
    stat.czxid = in.int64();
    stat.mzxid = in.int64();
    stat.ctime = in.int64();
    stat.mtime = in.int64();
    stat.version = in.int32();
    stat.cversion = in.int32();
    stat.aversion = in.int32();
    stat.ephemeral_owner = in.int64();
    stat.data_length = in.int32();
    stat.num_children = in.int32();
    stat.pzxid = in.int64();
    return stat;
}

Node read_node(Reader& in) {
    Node node;
    node.data = in.buffer(node.null);
    node.stat = read_stat(in);
    return node;
}

std::vector<std::string> read_strings(Reader& in) {
    const auto count = in.count(sizeof(std::int32_t));
    std::vector<std::string> strings;
    strings.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
        strings.emplace_back(in.string());
    return strings;
}

WatchEvent read_watch_event(Reader& in) {
    WatchEvent event;
    event.type = static_cast<EventType>(in.int32());
    in.int32();  // the state: every server seen says "connected" here
    event.path = in.string();
    return event;
}

}  // namespace plait::zk::proto
