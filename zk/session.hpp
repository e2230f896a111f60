// Session: ZooKeeper's side of a conversation as a state machine: what to send, what a reply completes, when the other
// end is dead. Not a socket and not an API: the client (client.hpp) gives it links and requests.
//
//                start                    handshake accepted
//        idle ----------> connecting ------------------------> connected, connected_read_only
//                          ^  |  |                                |         |
//                          |  |  |      link lost, silent for     |         | close
//                          +--|--|-- 2/3 of the time-out, garbage +         v
//                             |  |                                       closing
//              told so, or    |  | close, gave up                           | reply, link lost, or close_timeout
//              silent for 4/3 v  +-----------------------------+            v
//                          expired                             +------> closed          (expired, auth_failed,
//                                                                                         closed are terminal)
//
// A session survives its links: a new link within the time-out takes up the same session, with the same id and
// password, and its ephemeral nodes and watches. The order on each link:
//
//     ConnectRequest | set_watches (for watches not fired yet, 128 KiB at a time) | queued requests | new requests
//
// Replies come in the order of the requests; an event comes before the reply to any read that shows its change.
// Requests in flight when a link is lost fail with ConnectionLoss, in order; those not sent yet stay queued.
// Source: the Java client's rules, with kazoo's ping (a third of the time-out since the last *send*, however busy the
//         replies are) and last_zxid taken from ordinary replies alone, else re-armed watches would miss changes.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "plait/deferred/clock.hpp"
#include "plait/reactor/bytes.hpp"
#include "plait/zk/detail/call.hpp"
#include "plait/zk/detail/request_buffer.hpp"
#include "plait/zk/detail/ring.hpp"
#include "plait/zk/detail/watch_table.hpp"
#include "plait/zk/error.hpp"
#include "plait/zk/path.hpp"
#include "plait/zk/proto/frames.hpp"
#include "plait/zk/proto/records.hpp"
#include "plait/zk/types.hpp"

namespace plait::zk {

struct SessionSettings {
    /// How long the server keeps the session without hearing from us. The server has the last word; see
    /// Session::timeout().
    Duration timeout = std::chrono::seconds(10);
    /// Accept a server that is cut off from its quorum.
    bool read_only = false;
    /// Requests without a reply, sent or not, and their bytes; QueueFull beyond, BadArguments for one request that is
    /// longer by itself.
    std::size_t max_queued = 100'000;
    std::size_t max_queued_bytes = 64 * 1024 * 1024;
    /// The longest reply taken. A longer one ends the link.
    std::size_t max_reply = 64 * 1024 * 1024;
    /// A request without a reply for so long fails with OperationTimeout. Zero: only the session's time-out counts.
    Duration request_timeout{0};
    /// How long `close` waits for what is queued and for the server's last word.
    Duration close_timeout = std::chrono::seconds(2);
};

/// What a Session asks of whoever owns it. All calls come from inside a call to the Session.
class SessionHost {
public:
    /// Sends whole frames on the present link.
    virtual void write(std::span<const Bytes> frames) = 0;

    /// Throws the present link away. The session does not expect link_lost() for it.
    virtual void drop_link(std::string_view reason) = 0;

    /// The session is in this state now. May call back into the session.
    virtual void state_changed(KeeperState state) = 0;

protected:
    ~SessionHost() = default;
};

/// One ZooKeeper session, from start to a terminal state; it is not restarted.
///
/// Lifetime: the clock and the host outlive it. It must not be destroyed from inside a call to it: the host keeps it
///           for as long as one runs. Destroying it breaks the promises of unanswered calls; abandon() first.
class Session {
public:
    Session(Clock& clock, SessionHost& host, SessionSettings settings, Chroot chroot);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // ---- from above

    void start();

    /// Sends `request` as soon as it can, and completes `call` with the reply. `request.path`, where there is one, is
    /// the server's. Fails `call` at once when the session takes no more requests.
    template <typename Request>
    void submit(const Request& request, detail::Call call);

    /// Sends what is queued, ends the session on the server, then is closed. Without a link it is closed in the next
    /// turn, and the server ends the session by its time-out.
    void close();

    /// Is closed now; calls and watches fail with Closed, saying `why`. The server is told, but not waited for.
    void abandon(std::string_view why);

    KeeperState state() const noexcept { return state_; }
    std::int64_t id() const noexcept { return id_; }
    Duration timeout() const noexcept { return timeout_; }  ///< as negotiated; as asked for before that
    const Chroot& chroot() const noexcept { return chroot_; }

    // ---- from below

    /// A connection is there: says hello.
    void link_made();
    void received(const Bytes& data);
    void link_lost(std::string_view reason);

private:
    enum class Link { none, handshaking, up };

    /// A request without its reply yet. What it asked for is read from its own frame.
    struct Pending {
        std::int32_t xid = 0;
        proto::Op op{};
        Bytes frame;
        TimePoint sent;
        detail::Call call;
    };

    /// The next link takes up the session there was. An id from a read-only server alone means nothing to others.
    bool resumes() const noexcept { return id_ != 0 && seen_writable_; }

    bool change_state(KeeperState state);
    void end(KeeperState state, Code code, std::string_view detail);
    void fail_everything(Code code, const std::string& detail);
    void drop(std::string_view reason);
    void lose_link(std::string_view reason);

    char* admit(proto::Op op, std::string_view path, std::size_t size, std::int32_t& xid, detail::Call& call);
    char* enqueue(proto::Op op, std::size_t size, std::int32_t& xid, detail::Call call);
    void refuse(proto::Op op, std::string_view path, std::size_t size, detail::Call& call);
    std::size_t longest_request() const noexcept;
    bool has_room(std::size_t size);
    void admitted();
    void send_queued();
    void purge_unwanted();
    void flush();
    Pending pop_front();

    void take_frame(const proto::Frame& frame);
    void take_handshake(const proto::Frame& frame);
    void take_event(proto::Reader in);
    void take_reply(const proto::ReplyHeader& header, proto::Reader in);
    void complete(Pending& pending, const proto::ReplyHeader& header, proto::Reader in);
    void fail(Pending& pending, Code code, std::string_view detail);
    void fail_lost(Pending& pending, std::string_view reason);

    void arm_watches();
    void schedule_tick();
    void tick();
    void schedule_expiry();
    void watch_request_timeouts();
    void time_out_requests();

    Clock& clock_;
    SessionHost& host_;
    const SessionSettings settings_;
    const Chroot chroot_;

    KeeperState state_ = KeeperState::idle;
    Link link_ = Link::none;
    bool in_turn_ = false;  // inside received(), which flushes at its end
    TimePoint turn_time_;

    std::int64_t id_ = 0;
    std::array<char, proto::password_size> password_{};
    bool seen_writable_ = false;
    Duration timeout_;
    std::int64_t last_zxid_ = 0;
    TimePoint last_sent_;
    TimePoint last_received_;

    proto::FrameSplitter splitter_;
    detail::RequestBuffer buffer_;
    detail::Ring<Pending> pending_;
    std::size_t sent_ = 0;     // how many of pending_ are on the present link
    std::size_t failing_ = 0;  // how many of pending_ went down with the last one
    std::size_t queued_bytes_ = 0;
    std::int32_t next_xid_ = 1;
    detail::WatchTable watches_;

    DelayedCall tick_;  // ping and dead link with a link, expiry without
    DelayedCall request_timer_;
    DelayedCall close_timer_;
};

template <typename Request>
void Session::submit(const Request& request, detail::Call call) {
    const auto size = proto::frame_size(request, proto::request_header_size);
    std::int32_t xid = 0;
    char* const at = admit(request.op, request.path, size, xid, call);
    if (at == nullptr) return;
    proto::write_request(at, size, xid, request);
    admitted();
}

}  // namespace plait::zk
