#include "plait/reactor/testing/memory_transport.hpp"

#include <deque>
#include <utility>

#include "plait/deferred/contain.hpp"
#include "plait/reactor/detail/flow_control.hpp"
#include "plait/reactor/detail/transport_timeouts.hpp"
#include "plait/reactor/errors.hpp"

namespace plait::testing {

/// Everything but the vtable. Kept alive by each call that runs the protocol, which may destroy the MemoryTransport.
struct MemoryTransport::State : std::enable_shared_from_this<MemoryTransport::State> {
    State(std::shared_ptr<Protocol> p, Address here, Address there)
        : protocol(std::move(p)), host(std::move(here)), peer(std::move(there)) {}

    std::shared_ptr<Protocol> protocol;  // null once lost
    Address host;
    Address peer;
    detail::FlowControl flow;
    std::string written;
    std::deque<Bytes> held;
    std::optional<Failure> reason;
    std::uint64_t received = 0;
    std::uint64_t queued = 0;  ///< since the start
    std::optional<detail::TransportTimeouts> timeouts;
    Duration idle_limit{};
    Duration write_limit{};
    bool accepting = false;
    bool paused = false;
    bool closing = false;
    bool aborted = false;
    bool write_closed = false;
    bool end_held = false;
    bool end_delivered = false;

    bool lost() const noexcept { return reason.has_value(); }
    std::size_t level() const noexcept { return accepting ? 0 : written.size(); }
    std::uint64_t sent() const noexcept { return queued - level(); }
    bool takes_writes() const noexcept {
        return !lost() && !aborted && (!(closing || write_closed) || flow.has_producer());
    }
    bool takes_input() const noexcept { return !lost() && !closing && !aborted && !end_delivered; }

    /// Runs what is not ours; its exception ends the connection.
    template <typename F>
    void guarded(F&& call) {
        try {
            std::forward<F>(call)();
        } catch (...) {
            end(Failure::current());
        }
    }

    void append(std::string_view text) {
        if (!takes_writes()) return;
        written.append(text);
        queued += text.size();
        flow.queued(level());
    }

    bool made_room() {
        const auto self = shared_from_this();
        bool told = false;
        guarded([&] {
            while (!lost() && flow.sent(level()))
                told = true;
        });
        return told;
    }

    bool has_held() const noexcept { return !paused && takes_input() && (!held.empty() || end_held); }

    void deliver_held() {
        const auto self = shared_from_this();
        while (!held.empty() && !paused && takes_input()) {
            const Bytes next = std::move(held.front());
            held.pop_front();
            received += next.size();
            guarded([this, &next] { std::shared_ptr(protocol)->data_received(next); });
        }
        if (!end_held || !held.empty() || paused || !takes_input()) return;
        end_delivered = true;
        guarded([this] { std::shared_ptr(protocol)->read_connection_lost(); });
    }

    void end(const Failure& why) {
        if (lost()) return;
        const auto self = shared_from_this();
        reason = why;
        held.clear();
        timeouts.reset();
        flow.end(why);
        const std::shared_ptr<Protocol> last = std::move(protocol);
        contain([&] { last->lose_connection(why); });
    }
};

MemoryTransport::MemoryTransport(std::shared_ptr<Protocol> protocol)
    : MemoryTransport(std::move(protocol), {"10.0.0.1", 12345}, {"192.168.1.1", 54321}) {}

MemoryTransport::MemoryTransport(std::shared_ptr<Protocol> protocol, Address host, Address peer)
    : state_(std::make_shared<State>(std::move(protocol), std::move(host), std::move(peer))) {
    state_->guarded([this] { std::shared_ptr(state_->protocol)->make_connection(*this); });
}

MemoryTransport::~MemoryTransport() {
    state_->end(make_failure(ConnectionAborted("the memory transport was destroyed")));
}

const std::string& MemoryTransport::written() const noexcept {
    return state_->written;
}

std::string MemoryTransport::take_written(std::size_t at_most) {
    const auto state = state_;
    std::string taken;
    if (at_most >= state->written.size()) {
        taken.swap(state->written);
    } else {
        taken.assign(state->written, 0, at_most);
        state->written.erase(0, at_most);
    }
    state->made_room();
    return taken;
}

void MemoryTransport::set_accepting(bool accepting) {
    state_->accepting = accepting;
    state_->made_room();
}

void MemoryTransport::deliver(std::string_view bytes) {
    deliver(Bytes::copy(bytes));
}

void MemoryTransport::deliver(Bytes bytes) {
    if (!state_->takes_input()) return;
    if (!bytes.empty()) state_->held.push_back(std::move(bytes));
    state_->deliver_held();
}

void MemoryTransport::deliver_held() {
    state_->deliver_held();
}

bool MemoryTransport::end_turn() {
    const auto state = state_;
    const bool delivers = state->has_held();
    if (delivers) state->deliver_held();
    return state->made_room() || delivers;
}

void MemoryTransport::deliver_end() {
    state_->end_held = true;
    state_->deliver_held();
}

void MemoryTransport::lose(const Failure& reason) {
    state_->end(reason);
}

void MemoryTransport::lose_cleanly() {
    lose(make_failure(ConnectionDone("the connection to " + state_->peer.str() + " was closed in good order")));
}

void MemoryTransport::lose_broken() {
    lose(make_failure(
        ConnectionLost("the connection to " + state_->peer.str() + " was lost: connection reset by peer")));
}

bool MemoryTransport::reading_paused() const noexcept {
    return state_->paused;
}

bool MemoryTransport::has_producer() const noexcept {
    return state_->flow.has_producer();
}

bool MemoryTransport::aborted() const noexcept {
    return state_->aborted;
}

bool MemoryTransport::write_closed() const noexcept {
    return state_->write_closed;
}

bool MemoryTransport::lost() const noexcept {
    return state_->lost();
}

std::optional<Failure> MemoryTransport::reason() const {
    return state_->reason;
}

void MemoryTransport::write(Bytes data) {
    state_->append(data.view());
}

void MemoryTransport::write(std::string_view text) {
    state_->append(text);
}

void MemoryTransport::write_sequence(std::span<const Bytes> pieces) {
    std::string all;
    for (const Bytes& piece : pieces)
        all.append(piece.view());
    state_->append(all);
}

void MemoryTransport::lose_connection() {
    state_->closing = true;
}

void MemoryTransport::lose_write_connection() {
    state_->write_closed = true;
}

void MemoryTransport::abort_connection() {
    state_->closing = true;
    state_->aborted = true;
}

bool MemoryTransport::disconnecting() const noexcept {
    return state_->closing || state_->lost();
}

void MemoryTransport::pause_producing() {
    state_->paused = true;
}

void MemoryTransport::resume_producing() {
    state_->paused = false;
}

void MemoryTransport::register_producer(Producer& producer) {
    if (state_->lost()) return producer.stop_producing();
    state_->flow.register_producer(producer, state_->level());
}

void MemoryTransport::unregister_producer() {
    state_->flow.unregister_producer();
}

void MemoryTransport::set_write_watermarks(std::size_t low, std::size_t high) {
    state_->flow.set_watermarks(low, high);
}

std::size_t MemoryTransport::write_buffered() const noexcept {
    return state_->level();
}

Deferred<> MemoryTransport::drained() {
    if (state_->lost()) return Deferred<>::fail(*state_->reason);
    return state_->flow.drained(state_->level());
}

std::uint64_t MemoryTransport::bytes_received() const noexcept {
    return state_->received;
}

std::uint64_t MemoryTransport::bytes_sent() const noexcept {
    return state_->sent();
}

void MemoryTransport::set_clock(Clock& clock) {
    if (state_->lost()) return;
    State* const state = state_.get();
    state->timeouts.emplace(
        clock, [state] { return detail::TransportTimeouts::Traffic{state->received, state->sent(), state->level()}; },
        [state](const std::string& what) {
            state->end(make_failure(ConnectionTimedOut("the connection to " + state->peer.str() + " " + what)));
        });
    state->timeouts->set_idle(state->idle_limit);
    state->timeouts->set_write(state->write_limit);
}

void MemoryTransport::set_idle_timeout(Duration limit) {
    state_->idle_limit = limit;
    if (state_->timeouts) state_->timeouts->set_idle(limit);
}

void MemoryTransport::set_write_timeout(Duration limit) {
    state_->write_limit = limit;
    if (state_->timeouts) state_->timeouts->set_write(limit);
}

Transport::Handover MemoryTransport::hand_over(std::shared_ptr<Protocol> next) {
    if (state_->lost()) throw UsageError("hand_over: this connection is lost");
    Handover before = state_->flow.release();
    before.protocol = std::exchange(state_->protocol, std::move(next));
    before.protocol->detach(*this);
    return before;
}

Address MemoryTransport::host() const {
    return state_->host;
}

Address MemoryTransport::peer() const {
    return state_->peer;
}

}  // namespace plait::testing
