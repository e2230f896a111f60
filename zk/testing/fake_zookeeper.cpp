#include "plait/zk/testing/fake_zookeeper.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_set>
#include <utility>

#include "plait/zk/path.hpp"
#include "plait/zk/proto/frames.hpp"
#include "plait/zk/testing/fake_tree.hpp"

namespace plait::zk::testing {
namespace {

using proto::Appender;
using proto::Op;
using proto::Reader;

using PathSet = std::unordered_set<std::string>;

void append_stat(Appender& out, const Stat& stat) {
    for (const auto value : {stat.czxid, stat.mzxid, stat.ctime, stat.mtime})
        out.int64(value);
    for (const auto value : {stat.version, stat.cversion, stat.aversion})
        out.int32(value);
    out.int64(stat.ephemeral_owner);
    out.int32(stat.data_length);
    out.int32(stat.num_children);
    out.int64(stat.pzxid);
}

/// Begins a frame in `text`; its length is filled in by end_frame().
std::size_t begin_frame(std::string& text) {
    text.append(proto::frame_prefix, '\0');
    return text.size();
}

void end_frame(std::string& text, std::size_t body) {
    proto::Writer(text.data() + body - proto::frame_prefix).int32(static_cast<std::int32_t>(text.size() - body));
}

}  // namespace

// ---- one connection

class FakeZooKeeper::Connection final : public Protocol {
public:
    explicit Connection(std::weak_ptr<Server> server) : server_(std::move(server)) {}

    void connection_made() override;
    void data_received(const Bytes& data) override;
    void connection_lost(const Failure& reason) override;

    /// Sends what gathered in `out` unless it has to wait.
    void flush(bool stalled) {
        if (!stalled && !in_turn_) send_now();
    }
    void send_now() {
        if (!out.empty()) transport().write(Bytes::own(std::exchange(out, {})));
        if (ending) transport().lose_connection();
    }

    std::int64_t session = 0;
    std::string out;
    bool ending = false;  // closes when `out` has been sent
    PathSet data_watches, child_watches;

private:
    std::weak_ptr<Server> server_;
    proto::FrameSplitter splitter_{1 << 20};
    bool in_turn_ = false;
};

// ---- the server

class FakeZooKeeper::Server final : public Factory, public std::enable_shared_from_this<Server> {
public:
    Server(Clock& time, FakeOptions chosen)
        : clock(time), options(chosen), tree([this](EventType type, std::string_view path) { changed(type, path); }) {}

    std::shared_ptr<Protocol> build_protocol(const Address&) override {
        if (refusing) return nullptr;
        return std::make_shared<Connection>(weak_from_this());
    }

    void hello(Connection& from, Reader in);
    void request(Connection& from, Reader in);
    void gone(Connection& connection);
    void expire(std::int64_t session);
    void break_all(bool also_sessions);

    struct Session {
        std::string password;
        Duration timeout;
        Connection* connection = nullptr;
        DelayedCall expiry;
    };

    Clock& clock;
    const FakeOptions options;
    FakeTree tree;
    std::set<Connection*> connections;
    std::map<std::int64_t, Session> sessions;
    std::vector<Op> requests;
    std::map<Op, Code> failing;
    std::map<Op, bool> breaking;
    bool refusing = false;
    bool stalled = false;
    bool withholding = false;
    bool remembering = true;
    bool read_only = false;
    bool read_only_sessions = true;

private:
    void answer_hello(Connection& to, std::int64_t id, const Session* session);
    void send_event(Connection& to, EventType type, std::string_view path);
    void changed(EventType type, std::string_view path);
    Code execute(Connection& from, Op op, Reader& in, Appender& out);
    Code create(Connection& from, Op op, Reader& in, Appender& out);
    Code read(Connection& from, Op op, Reader& in, Appender& out);
    Code set_watches(Connection& from, Reader& in);

    std::int64_t next_session_ = 0x1000;
};

void FakeZooKeeper::Connection::connection_made() {
    if (const auto server = server_.lock()) {
        server->connections.insert(this);
    } else {
        transport().abort_connection();
    }
}

void FakeZooKeeper::Connection::data_received(const Bytes& data) {
    const auto server = server_.lock();
    if (server == nullptr) return;
    in_turn_ = true;
    splitter_.feed(data);
    for (proto::Frame frame; !ending && !transport().disconnecting() && splitter_.next(frame);) {
        const Reader in(*frame.owner, frame.body);
        session == 0 ? server->hello(*this, in) : server->request(*this, in);
    }
    in_turn_ = false;
    flush(server->stalled);
}

void FakeZooKeeper::Connection::connection_lost(const Failure&) {
    if (const auto server = server_.lock()) server->gone(*this);
}

void FakeZooKeeper::Server::hello(Connection& from, Reader in) {
    in.int32();
    const auto last_zxid = in.int64();
    const auto wanted = Duration(std::chrono::milliseconds(in.int32()));
    auto id = in.int64();
    const std::string password(in.string());
    if (last_zxid > tree.zxid()) return from.transport().lose_connection();
    if (read_only && !read_only_sessions) {
        const auto body = begin_frame(from.out);
        Appender out(from.out);
        out.int32(0);
        out.int64(tree.zxid());
        out.int32(static_cast<std::int32_t>(Code::not_read_only));
        return end_frame(from.out, body);
    }
    if (id == 0) {
        id = ++next_session_;
        sessions[id].password = "fake-" + std::to_string(id);
        sessions[id].password.resize(proto::password_size, '.');
    } else if (sessions.find(id) == sessions.end() || sessions[id].password != password) {
        from.ending = true;
        return answer_hello(from, 0, nullptr);
    }
    auto& session = sessions[id];
    if (session.connection != nullptr) session.connection->transport().lose_connection();
    session.timeout = std::clamp(wanted, options.min_session_timeout, options.max_session_timeout);
    session.connection = &from;
    session.expiry.cancel();
    from.session = id;
    answer_hello(from, id, &session);
}

void FakeZooKeeper::Server::answer_hello(Connection& to, std::int64_t id, const Session* session) {
    const auto body = begin_frame(to.out);
    Appender out(to.out);
    out.int32(0);
    const auto timeout = session == nullptr ? Duration(0) : session->timeout;
    out.int32(static_cast<std::int32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count()));
    out.int64(id);
    out.string(session == nullptr ? std::string(proto::password_size, '\0') : session->password);
    out.boolean(read_only);
    end_frame(to.out, body);
}

void FakeZooKeeper::Server::request(Connection& from, Reader in) {
    const auto xid = in.int32();
    const auto op = static_cast<Op>(in.int32());
    if (remembering) requests.push_back(op);
    if (const auto broken = breaking.find(op); broken != breaking.end()) {
        const bool after = broken->second;
        breaking.erase(broken);
        std::string discarded;
        Appender out(discarded);
        if (after) execute(from, op, in, out);
        return from.transport().abort_connection();
    }
    // The events a request causes go before its reply: the body is made first, in its place after them.
    std::string body;
    Appender fields(body);
    auto code = Code::ok;
    if (const auto fails = failing.find(op); fails != failing.end()) {
        code = fails->second;
        failing.erase(fails);
    } else {
        code = execute(from, op, in, fields);
    }
    const auto frame = begin_frame(from.out);
    Appender out(from.out);
    out.int32(xid);
    out.int64(tree.zxid());
    out.int32(static_cast<std::int32_t>(code));
    if (code == Code::ok) from.out += body;
    end_frame(from.out, frame);
    if (op == Op::close_session) {
        const auto id = from.session;
        from.ending = true;
        sessions.erase(id);
        tree.remove_ephemerals_of(id);
    }
}

Code FakeZooKeeper::Server::execute(Connection& from, Op op, Reader& in, Appender& out) {
    switch (op) {
        case Op::ping:
        case Op::close_session:
            return Code::ok;
        case Op::sync:
            out.string(in.string());
            return Code::ok;
        case Op::set_watches:
            return set_watches(from, in);
        case Op::get_data:
        case Op::exists:
        case Op::get_children2:
            return read(from, op, in, out);
        default:
            break;
    }
    if (read_only) return Code::not_read_only;
    switch (op) {
        case Op::create:
        case Op::create2:
        case Op::create_container:
        case Op::create_ttl:
            return create(from, op, in, out);
        case Op::remove: {
            const std::string path(in.string());
            return tree.remove(path, in.int32());
        }
        case Op::set_data: {
            const std::string path(in.string());
            bool null = false;
            const auto data = in.buffer(null);
            const auto version = in.int32();
            const auto code = tree.set(path, null ? DataView(null_data) : DataView(data), version);
            if (code == Code::ok) append_stat(out, tree.find(path)->stat);
            return code;
        }
        default:
            return Code::unimplemented;
    }
}

Code FakeZooKeeper::Server::create(Connection& from, Op op, Reader& in, Appender& out) {
    const std::string path(in.string());
    bool null = false;
    const auto data = in.buffer(null);
    for (auto acls = in.count(12); acls > 0; --acls) {
        in.int32();
        in.string();
        in.string();
    }
    const auto mode = static_cast<CreateMode>(in.int32());
    std::string made;
    const auto code = tree.create(path, null ? DataView(null_data) : DataView(data), mode, from.session, made);
    if (code != Code::ok) return code;
    out.string(made);
    if (op != Op::create) append_stat(out, tree.find(made)->stat);
    return code;
}

Code FakeZooKeeper::Server::read(Connection& from, Op op, Reader& in, Appender& out) {
    const auto path = in.string();
    const bool watch = in.boolean();
    const auto* node = tree.find(path);
    if (watch && (node != nullptr || op == Op::exists)) {
        (op == Op::get_children2 ? from.child_watches : from.data_watches).emplace(path);
    }
    if (node == nullptr) return Code::no_node;
    if (op == Op::get_data) node->null ? out.null() : out.string(node->data);
    if (op == Op::get_children2) {
        out.int32(static_cast<std::int32_t>(node->children.size()));
        for (const auto& child : node->children)
            out.string(child);
    }
    append_stat(out, node->stat);
    return Code::ok;
}

Code FakeZooKeeper::Server::set_watches(Connection& from, Reader& in) {
    const auto since = in.int64();
    for (auto left = in.count(4); left > 0; --left) {
        const std::string path(in.string());
        const auto* node = tree.find(path);
        if (node == nullptr) {
            send_event(from, EventType::deleted, path);
        } else if (node->stat.mzxid > since) {
            send_event(from, EventType::data_changed, path);
        } else {
            from.data_watches.insert(path);
        }
    }
    for (auto left = in.count(4); left > 0; --left) {
        const std::string path(in.string());
        if (tree.find(path) != nullptr) {
            send_event(from, EventType::created, path);
        } else {
            from.data_watches.insert(path);
        }
    }
    for (auto left = in.count(4); left > 0; --left) {
        const std::string path(in.string());
        const auto* node = tree.find(path);
        if (node == nullptr) {
            send_event(from, EventType::deleted, path);
        } else if (node->stat.pzxid > since) {
            send_event(from, EventType::children_changed, path);
        } else {
            from.child_watches.insert(path);
        }
    }
    return Code::ok;
}

void FakeZooKeeper::Server::send_event(Connection& to, EventType type, std::string_view path) {
    const auto body = begin_frame(to.out);
    Appender out(to.out);
    out.int32(proto::xid::notification);
    out.int64(-1);
    out.int32(0);
    out.int32(static_cast<std::int32_t>(type));
    out.int32(3);
    out.string(path);
    end_frame(to.out, body);
}

void FakeZooKeeper::Server::changed(EventType type, std::string_view path) {
    const std::string key(path);
    for (auto* connection : connections) {
        const bool of_children = type == EventType::children_changed || type == EventType::deleted;
        bool hit = of_children && connection->child_watches.erase(key) > 0;
        if (type != EventType::children_changed) hit = connection->data_watches.erase(key) > 0 || hit;
        if (!hit || withholding) continue;
        send_event(*connection, type, key);
        connection->flush(stalled);
    }
}

void FakeZooKeeper::Server::gone(Connection& connection) {
    connections.erase(&connection);
    const auto found = sessions.find(connection.session);
    if (found == sessions.end() || found->second.connection != &connection) return;
    found->second.connection = nullptr;
    found->second.expiry = clock.call_later(found->second.timeout, [this, id = found->first] { expire(id); });
}

void FakeZooKeeper::Server::expire(std::int64_t session) {
    sessions.erase(session);
    tree.remove_ephemerals_of(session);
}

void FakeZooKeeper::Server::break_all(bool also_sessions) {
    const auto present = connections;
    if (also_sessions) {
        const auto ended = std::exchange(sessions, {});
        for (const auto& [id, session] : ended)
            tree.remove_ephemerals_of(id);
    }
    for (auto* connection : present)
        connection->transport().abort_connection();
}

// ---- the test's side

FakeZooKeeper::FakeZooKeeper(Clock& clock, FakeOptions options) : server_(std::make_shared<Server>(clock, options)) {}

FakeZooKeeper::~FakeZooKeeper() {
    server_->refusing = true;
    server_->break_all(true);
}

std::shared_ptr<Factory> FakeZooKeeper::factory() {
    return server_;
}

void FakeZooKeeper::put(std::string_view path, std::string_view data) {
    auto& tree = server_->tree;
    std::string made;
    for (auto slash = path.find('/', 1); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
        const auto parent = path.substr(0, slash);
        if (tree.find(parent) == nullptr) tree.create(parent, "", CreateMode::persistent, 0, made);
    }
    if (tree.find(path) == nullptr) {
        tree.create(path, data, CreateMode::persistent, 0, made);
    } else {
        tree.set(path, data, any_version);
    }
}

void FakeZooKeeper::erase(std::string_view path) {
    const auto* node = server_->tree.find(path);
    if (node == nullptr) return;
    const auto children = node->children;
    for (const auto& child : children)
        erase(std::string(path) + "/" + child);
    server_->tree.remove(path, any_version);
}

std::optional<std::string> FakeZooKeeper::data(std::string_view path) const {
    const auto* node = server_->tree.find(path);
    if (node == nullptr) return std::nullopt;
    return node->data;
}

void FakeZooKeeper::break_connections() {
    server_->break_all(false);
}
void FakeZooKeeper::refuse_sessions(bool refuse) {
    server_->refusing = refuse;
}

void FakeZooKeeper::stall(bool stalled) {
    server_->stalled = stalled;
    for (auto* connection : server_->connections)
        connection->flush(stalled);
}

void FakeZooKeeper::withhold_events(bool withhold) {
    server_->withholding = withhold;
}

void FakeZooKeeper::send_raw(std::string_view bytes) {
    for (auto* connection : server_->connections)
        connection->transport().write(bytes);
}

void FakeZooKeeper::expire_sessions() {
    server_->break_all(true);
}
void FakeZooKeeper::fail_next(proto::Op op, Code code) {
    server_->failing[op] = code;
}

void FakeZooKeeper::break_on_next(proto::Op op, bool after_doing_it) {
    server_->breaking[op] = after_doing_it;
}

void FakeZooKeeper::set_read_only(bool read_only, bool sessions) {
    server_->read_only = read_only;
    server_->read_only_sessions = sessions;
}

std::size_t FakeZooKeeper::connections() const noexcept {
    return static_cast<std::size_t>(std::count_if(server_->sessions.begin(), server_->sessions.end(),
                                                  [](const auto& s) { return s.second.connection != nullptr; }));
}

std::size_t FakeZooKeeper::sessions() const noexcept {
    return server_->sessions.size();
}
const std::vector<proto::Op>& FakeZooKeeper::requests() const noexcept {
    return server_->requests;
}

void FakeZooKeeper::remember_requests(bool remember) {
    server_->remembering = remember;
    server_->requests.clear();
}

}  // namespace plait::zk::testing
