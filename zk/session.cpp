#include "plait/zk/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

namespace plait::zk {
namespace {

constexpr std::size_t path_at = proto::frame_prefix + proto::request_header_size + 4;
constexpr std::size_t usual_max_request = 0xfffff;  // the server's jute.maxbuffer unless it was changed

/// The path in a request's frame: its first field, in every request that has one.
std::string_view path_of(const Bytes& frame) noexcept {
    if (frame.size() < path_at) return {};
    const auto length = proto::load<std::uint32_t>(frame.data() + path_at - 4);
    return frame.view().substr(path_at, length);
}

double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

}  // namespace

Session::Session(Clock& clock, SessionHost& host, SessionSettings settings, Chroot chroot)
    : clock_(clock),
      host_(host),
      settings_(settings),
      chroot_(std::move(chroot)),
      timeout_(settings_.timeout),
      splitter_(settings_.max_reply) {}

// ---- states

bool Session::change_state(KeeperState state) {
    if (is_terminal(state_) || state_ == state) return false;
    state_ = state;
    host_.state_changed(state);
    return true;
}

void Session::start() {
    if (state_ == KeeperState::idle) change_state(KeeperState::connecting);
}

void Session::close() {
    if (is_terminal(state_) || state_ == KeeperState::closing) return;
    const bool linked = is_connected(state_);
    change_state(KeeperState::closing);
    if (state_ != KeeperState::closing) return;
    const auto patience = linked ? settings_.close_timeout : Duration::zero();
    const char* const reason = linked ? "the server did not answer in time" : "there was no connection";
    close_timer_ = clock_.call_later(patience, [this, reason] { end(KeeperState::closed, Code::closed, reason); });
    if (!linked) return;
    const proto::Bare request{proto::Op::close_session};
    const auto size = proto::frame_size(request, proto::request_header_size);
    std::int32_t xid = 0;
    char* const at = enqueue(request.op, size, xid, {});
    proto::write_request(at, size, xid, request);
    admitted();
}

void Session::abandon(std::string_view why) {
    // From inside an ending that has not told everybody yet: nobody is to hear of it after this has returned.
    if (is_terminal(state_)) return fail_everything(Code::closed, std::string(why));
    if (is_connected(state_)) {
        flush();
        const Bytes farewell = proto::request_frame(next_xid_, proto::Bare{proto::Op::close_session});
        host_.write({&farewell, 1});
    }
    end(KeeperState::closed, Code::closed, why);
}

void Session::end(KeeperState state, Code code, std::string_view detail) {
    if (is_terminal(state_)) return;
    tick_.cancel();
    request_timer_.cancel();
    close_timer_.cancel();
    link_ = Link::none;
    buffer_.drop_unsent();
    sent_ = failing_ = 0;
    const std::string said(detail);
    change_state(state);
    fail_everything(code, said);
}

void Session::fail_everything(Code code, const std::string& detail) {
    while (!pending_.empty()) {
        auto pending = pop_front();
        fail(pending, code, detail);
    }
    watches_.fail_all(make_error(code, "watch", {}, detail));
}

// ---- links

void Session::link_made() {
    if (state_ != KeeperState::connecting) return;
    link_ = Link::handshaking;
    splitter_.reset();
    const bool resume = resumes();
    const auto asked = std::chrono::duration_cast<std::chrono::milliseconds>(settings_.timeout).count();
    const std::array<char, proto::password_size> none{};
    const auto& password = resume ? password_ : none;
    const Bytes hello = proto::connect_frame({
        last_zxid_,
        static_cast<std::int32_t>(std::clamp<std::int64_t>(asked, 1, std::numeric_limits<std::int32_t>::max())),
        resume ? id_ : 0,
        {password.data(), password.size()},
        settings_.read_only,
    });
    host_.write({&hello, 1});
}

void Session::link_lost(std::string_view reason) {
    if (link_ != Link::none) lose_link(reason);
}

void Session::drop(std::string_view reason) {
    const std::string said(reason);
    host_.drop_link(said);
    lose_link(said);
}

/// Leaves the link behind: the state first, then the calls that were in flight, in order. Each step may end the
/// session.
void Session::lose_link(std::string_view reason) {
    const bool was_up = link_ == Link::up;
    link_ = Link::none;
    buffer_.drop_unsent();
    if (!was_up) return;
    if (state_ == KeeperState::closing) {
        end(KeeperState::closed, Code::closed, reason);
        return;
    }
    failing_ = std::exchange(sent_, 0);
    schedule_expiry();
    change_state(KeeperState::connecting);
    while (failing_ > 0) {
        --failing_;
        auto pending = pop_front();
        fail_lost(pending, reason);
    }
}

void Session::received(const Bytes& data) {
    if (link_ == Link::none) return;
    struct Turn {
        bool& in_turn;
        explicit Turn(bool& flag) : in_turn(flag) { in_turn = true; }
        ~Turn() { in_turn = false; }
    };
    const Turn turn(in_turn_);
    turn_time_ = clock_.now();
    try {
        splitter_.feed(data);
        for (proto::Frame frame; link_ != Link::none && splitter_.next(frame);)
            take_frame(frame);
    } catch (const proto::DecodeError& error) {
        drop(error.what());
    }
    flush();
}

void Session::take_frame(const proto::Frame& frame) {
    if (link_ == Link::handshaking) return take_handshake(frame);
    last_received_ = turn_time_;  // bytes alone prove nothing: a frame that never ends must not keep a link alive
    proto::Reader in(*frame.owner, frame.body);
    const auto header = proto::read_reply_header(in);
    switch (header.xid) {
        case proto::xid::ping:
            return;
        case proto::xid::notification:
            return take_event(in);
        case proto::xid::set_watches:
            if (header.error != 0) {
                drop(fmt::format("the server refused to re-arm watches: {}",
                                 to_string(static_cast<Code>(header.error))));
            }
            return;
        default:
            return take_reply(header, in);
    }
}

void Session::take_handshake(const proto::Frame& frame) {
    if (state_ != KeeperState::connecting) return;
    const auto handshake = proto::read_handshake(proto::Reader(*frame.owner, frame.body));
    if (!handshake.response) {
        return drop(fmt::format("the server refused the session: {}", to_string(static_cast<Code>(handshake.error))));
    }
    const auto& response = *handshake.response;
    const bool another = resumes() && response.session_id != id_;
    if (response.timeout_ms <= 0 || another) {
        host_.drop_link("the session has expired");
        return end(KeeperState::expired, Code::session_expired, {});
    }
    id_ = response.session_id;
    password_ = response.password;
    timeout_ = std::chrono::milliseconds(response.timeout_ms);
    seen_writable_ = seen_writable_ || !response.read_only;
    link_ = Link::up;
    last_received_ = turn_time_;
    arm_watches();
    send_queued();
    schedule_tick();
    change_state(response.read_only ? KeeperState::connected_read_only : KeeperState::connected);
}

// ---- requests

/// Room for the request, and its place in the queue; null when `call` was failed instead.
char* Session::admit(proto::Op op, std::string_view path, std::size_t size, std::int32_t& xid, detail::Call& call) {
    const bool open = state_ == KeeperState::connecting || is_connected(state_);
    if (!open || !has_room(size)) {
        refuse(op, path, size, call);
        return nullptr;
    }
    return enqueue(op, size, xid, std::move(call));
}

char* Session::enqueue(proto::Op op, std::size_t size, std::int32_t& xid, detail::Call call) {
    xid = next_xid_;
    next_xid_ = next_xid_ == std::numeric_limits<std::int32_t>::max() ? 1 : next_xid_ + 1;
    char* at = nullptr;
    Pending pending{xid, op, buffer_.add(size, at), {}, std::move(call)};
    if (settings_.request_timeout > Duration::zero()) pending.sent = clock_.now();
    queued_bytes_ += size;
    pending_.push_back(std::move(pending));
    return at;
}

void Session::refuse(proto::Op op, std::string_view path, std::size_t size, detail::Call& call) {
    auto code = Code::queue_full;
    std::string detail;
    switch (state_) {
        case KeeperState::expired:
            code = Code::session_expired;
            break;
        case KeeperState::auth_failed:
            code = Code::auth_failed;
            break;
        case KeeperState::closed:
        case KeeperState::closing:
            code = Code::closed;
            break;
        case KeeperState::idle:
            code = Code::closed;
            detail = "it was never started: call connect() first";
            break;
        default:
            if (size > longest_request()) {
                code = Code::bad_arguments;
                detail = fmt::format("the request has {} bytes, more than the {} that max_queued_bytes allows", size,
                                     longest_request());
            } else {
                detail = fmt::format("{} requests of {} bytes wait", pending_.size(), queued_bytes_);
            }
    }
    call.fail(make_error(code, proto::to_string(op), chroot_.to_client(path), detail));
}

/// However few wait. The wire has room for an int's worth.
std::size_t Session::longest_request() const noexcept {
    return std::min<std::size_t>(settings_.max_queued_bytes, std::numeric_limits<std::int32_t>::max());
}

bool Session::has_room(std::size_t size) {
    if (size > longest_request()) return false;
    const auto fits = [&] {
        return pending_.size() < settings_.max_queued && queued_bytes_ + size <= settings_.max_queued_bytes;
    };
    if (!fits() && link_ != Link::up) purge_unwanted();
    return fits();
}

void Session::admitted() {
    if (link_ != Link::up) {
        buffer_.drop_unsent();
    } else if (!in_turn_) {
        flush();
    }
    if (settings_.request_timeout > Duration::zero() && !request_timer_.active()) watch_request_timeouts();
}

/// Everything added since the last time, in one write.
void Session::flush() {
    if (link_ != Link::up || !buffer_.has_unsent()) return;
    sent_ = pending_.size();
    last_sent_ = in_turn_ ? turn_time_ : clock_.now();
    buffer_.flush([this](std::span<const Bytes> pieces) { host_.write(pieces); });
}

/// What waited for a link goes out on the new one. Calls cancelled meanwhile are not sent at all.
void Session::send_queued() {
    purge_unwanted();
    std::vector<Bytes> frames;
    frames.reserve(pending_.size());
    for (std::size_t i = 0; i < pending_.size(); ++i)
        frames.push_back(pending_[i].frame);
    sent_ = pending_.size();
    last_sent_ = clock_.now();
    buffer_.drop_unsent();
    if (!frames.empty()) host_.write(frames);
}

/// Precondition: nothing is in flight.
void Session::purge_unwanted() {
    std::size_t kept = failing_;
    for (std::size_t i = failing_; i < pending_.size(); ++i) {
        if (!pending_[i].call.wanted()) {
            queued_bytes_ -= pending_[i].frame.size();
            continue;
        }
        if (kept != i) pending_[kept] = std::move(pending_[i]);
        ++kept;
    }
    pending_.truncate(kept);
}

Session::Pending Session::pop_front() {
    auto pending = pending_.pop_front();
    queued_bytes_ -= pending.frame.size();
    return pending;
}

// ---- replies

void Session::take_event(proto::Reader in) {
    const auto event = proto::read_watch_event(in);
    const WatchEvent told{event.type, state_, std::string(chroot_.to_client(event.path))};
    watches_.fire(event.type, event.path, told);
}

void Session::take_reply(const proto::ReplyHeader& header, proto::Reader in) {
    if (sent_ == 0 || pending_.front().xid != header.xid) {
        return drop(
            fmt::format("the server answered request {}, which is not the one it had to answer next", header.xid));
    }
    if (header.zxid > 0) last_zxid_ = header.zxid;
    --sent_;
    auto pending = pop_front();
    if (pending.op == proto::Op::close_session) return end(KeeperState::closed, Code::closed, {});
    if (pending.call.wanted()) complete(pending, header, in);
}

void Session::complete(Pending& pending, const proto::ReplyHeader& header, proto::Reader in) {
    const auto code = static_cast<Code>(header.error);
    const bool answers = code == Code::ok || (code == Code::no_node && pending.call.takes_no_node());
    if (!answers) return fail(pending, code, {});
    detail::Reply reply{in, code, path_of(pending.frame), watches_, chroot_};
    try {
        pending.call.succeed(reply);
    } catch (const proto::DecodeError& error) {
        fail(pending, Code::marshalling_error, error.what());
    }
}

void Session::fail(Pending& pending, Code code, std::string_view detail) {
    if (!pending.call.wanted()) return;
    const auto path = chroot_.to_client(path_of(pending.frame));
    pending.call.fail(make_error(code, proto::to_string(pending.op), path, detail));
}

void Session::fail_lost(Pending& pending, std::string_view reason) {
    if (pending.frame.size() - proto::frame_prefix <= usual_max_request) {
        return fail(pending, Code::connection_loss, reason);
    }
    fail(pending, Code::connection_loss,
         fmt::format("{}; the request has {} bytes, and a server closes the connection on more than its "
                     "jute.maxbuffer, {} unless set",
                     reason, pending.frame.size() - proto::frame_prefix, usual_max_request));
}

// ---- watches and time

void Session::arm_watches() {
    constexpr std::size_t chunk = 128 * 1024;
    const auto armed = watches_.armed();
    for (auto next = armed.begin(); next != armed.end();) {
        std::vector<std::string_view> data, exist, child;
        for (std::size_t size = 0; next != armed.end() && size < chunk; ++next) {
            auto& list = next->kind == detail::WatchKind::data    ? data
                         : next->kind == detail::WatchKind::exist ? exist
                                                                  : child;
            list.push_back(next->path);
            size += next->path.size() + 4;
        }
        const Bytes frame =
            proto::request_frame(proto::xid::set_watches, proto::SetWatchesRequest{last_zxid_, data, exist, child});
        host_.write({&frame, 1});
    }
}

void Session::schedule_tick() {
    const auto ping_at = last_sent_ + timeout_ / 3;
    const auto dead_at = last_received_ + timeout_ * 2 / 3;
    tick_ = clock_.call_later(std::min(ping_at, dead_at) - clock_.now(), [this] { tick(); });
}

void Session::tick() {
    const auto now = clock_.now();
    if (now >= last_received_ + timeout_ * 2 / 3) {
        return drop(fmt::format("the server sent nothing for {:.1f} s", seconds(now - last_received_)));
    }
    if (now >= last_sent_ + timeout_ / 3) {
        static const Bytes ping = proto::request_frame(proto::xid::ping, proto::Bare{proto::Op::ping});
        last_sent_ = now;
        host_.write({&ping, 1});
    }
    schedule_tick();
}

/// The server forgets the session when it has heard nothing for the time-out. We cannot know when that was, only when
/// we last heard of it: after 4/3 of the time-out it is over for certain, whether or not a server can be reached to say
/// so.
void Session::schedule_expiry() {
    const auto expires_at = last_received_ + timeout_ * 4 / 3;
    tick_ = clock_.call_later(expires_at - clock_.now(), [this] {
        const auto silent =
            fmt::format("no server could be reached for {:.1f} s", seconds(clock_.now() - last_received_));
        if (link_ != Link::none) host_.drop_link(silent);
        end(KeeperState::expired, Code::session_expired, silent);
    });
}

void Session::watch_request_timeouts() {
    for (std::size_t i = 0; i < pending_.size(); ++i) {
        if (!pending_[i].call) continue;
        const auto due = pending_[i].sent + settings_.request_timeout;
        request_timer_ = clock_.call_later(due - clock_.now(), [this] { time_out_requests(); });
        return;
    }
}

void Session::time_out_requests() {
    const auto now = clock_.now();
    std::size_t late = 0;
    while (late < pending_.size() && pending_[late].sent + settings_.request_timeout <= now)
        ++late;
    for (std::size_t i = 0; i < late; ++i) {
        // Its place in the queue stays, empty: the reply, should it come, is discarded there.
        if (i >= pending_.size()) break;
        auto call = std::move(pending_[i].call);
        if (!call.wanted()) continue;
        call.fail(make_error(Code::operation_timeout, proto::to_string(pending_[i].op),
                             chroot_.to_client(path_of(pending_[i].frame)),
                             fmt::format("waited {:.1f} s", seconds(settings_.request_timeout))));
    }
    if (!is_terminal(state_)) watch_request_timeouts();
}

}  // namespace plait::zk
