#include "plait/reactor/protocols/throttling.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "plait/deferred/event.hpp"
#include "plait/reactor/errors.hpp"

namespace plait {

namespace {

/// What has passed and has not been worked off, at `limit` bytes a second.
class Meter {
public:
    /// `changed` is called when it begins and when it ceases to throttle.
    Meter(Clock& clock, std::size_t limit, UniqueFunction<void()> changed)
        : clock_(clock), limit_(limit), changed_(std::move(changed)) {
        if (limit == 0) throw std::invalid_argument("a ThrottlingFactory's limits must not be 0");
    }

    bool throttled() const noexcept { return throttled_; }

    void add(std::size_t bytes) {
        if (limit_ == ThrottleLimits::unlimited) return;
        work_off();
        level_ += static_cast<double>(bytes);
        if (throttled_ || level_ <= most()) return;
        throttled_ = true;
        wait();
        changed_();
    }

private:
    double most() const noexcept { return static_cast<double>(limit_); }

    void work_off() {
        const auto now = clock_.now();
        const std::chrono::duration<double> passed = now - worked_off_;
        worked_off_ = now;
        level_ = std::max(0.0, level_ - passed.count() * most());
    }

    void wait() {
        const std::chrono::duration<double> over{(level_ - most()) / most()};
        // Not a nanosecond early: half a byte too many would be another round.
        const auto delay = std::chrono::ceil<Duration>(std::min(over, std::chrono::duration<double>(86'400)));
        call_ = clock_.call_later(delay, [this] {
            work_off();
            if (level_ >= most() + 0.5) return wait();
            throttled_ = false;
            changed_();
        });
    }

    Clock& clock_;
    std::size_t limit_;
    UniqueFunction<void()> changed_;
    double level_ = 0;
    TimePoint worked_off_{};
    bool throttled_ = false;
    DelayedCall call_;
};

class ThrottledProtocol;

}  // namespace

class ThrottlingFactory::State {
public:
    State(Clock& clock, std::shared_ptr<Factory> factory, ThrottleLimits limits);

    std::shared_ptr<Factory> wrapped;
    std::size_t most;
    std::set<ThrottledProtocol*> connected;
    Meter reading;
    Meter writing;

private:
    template <typename F>
    void tell(const Meter& meter, F call);

    ThrottledProtocol* last_resumed_ = nullptr;  // only compared: it may be gone
};

namespace {

/// The connection, and what stands between the transport and the wrapped protocol's Producer.
class ThrottledProtocol final : public ProtocolWrapper, public std::enable_shared_from_this<ThrottledProtocol> {
public:
    template <typename State>
    ThrottledProtocol(std::shared_ptr<Protocol> wrapped, const std::shared_ptr<State>& state)
        : ProtocolWrapper(std::move(wrapped)),
          connected_(state, &state->connected),
          reading_(state->reading),
          writing_(state->writing) {
        connected_->insert(this);  // from now on, so that a burst of accepted connections is seen
    }
    ~ThrottledProtocol() override { connected_->erase(this); }

    void connection_made() override {
        if (reading_.throttled()) transport().pause_producing();
        if (!writing_.throttled()) may_write_.set();
        ProtocolWrapper::connection_made();
    }
    void data_received(const Bytes& data) override {
        reading_.add(data.size());
        ProtocolWrapper::data_received(data);
    }
    void connection_lost(const Failure& reason) override {
        connected_->erase(this);
        reason_ = reason;
        ProtocolWrapper::connection_lost(reason);
        may_write_.set();
    }

    void write(Bytes data) override {
        const auto size = data.size();
        ProtocolWrapper::write(std::move(data));
        writing_.add(size);
    }
    void write(std::string_view text) override {
        ProtocolWrapper::write(text);
        writing_.add(text.size());
    }
    void write_sequence(std::span<const Bytes> pieces) override {
        std::size_t size = 0;
        for (const Bytes& piece : pieces)
            size += piece.size();
        ProtocolWrapper::write_sequence(pieces);
        writing_.add(size);
    }

    // The wrapped protocol's wish about reading.
    void pause_producing() override {
        paused_ = true;
        transport().pause_producing();
    }
    void resume_producing() override {
        paused_ = false;
        if (!reading_.throttled()) transport().resume_producing();
    }

    void register_producer(Producer& producer) override {
        if (producer_ != nullptr) throw InvalidState("a connection has one Producer at a time, and there is one");
        producer_ = &producer;
        full_ = false;
        try {
            transport().register_producer(from_below_);
            if (producer_ != nullptr && writing_.throttled()) producer_->pause_producing();
        } catch (...) {
            if (producer_ == &producer) unregister_producer();  // who fails to register it may destroy it
            throw;
        }
    }
    void unregister_producer() override {
        producer_ = nullptr;
        transport().unregister_producer();
    }

    Deferred<> drained() override {
        if (reason_) return Deferred<>::fail(*reason_);
        if (may_write_.is_set()) return transport().drained();
        return may_write_.wait().add_callback([weak = weak_from_this()] {
            const auto self = weak.lock();
            if (self == nullptr) return Deferred<>::fail(make_failure(ConnectionLost("the connection is gone")));
            return self->drained();
        });
    }

    Handover hand_over(std::shared_ptr<Protocol> next) override {
        Handover before = ProtocolWrapper::hand_over(std::move(next));  // takes from_below_ off
        before.producer = std::exchange(producer_, nullptr);
        before.producer_paused = before.producer != nullptr && (full_ || writing_.throttled());
        return before;
    }

    // The factory has begun, or ceased, to throttle.
    void reading_changed() {
        if (paused_) return;
        reading_.throttled() ? transport().pause_producing() : transport().resume_producing();
    }
    void writing_changed() {
        const auto self = shared_from_this();
        const bool throttled = writing_.throttled();
        if (throttled) may_write_.clear();
        if (producer_ != nullptr && !full_) throttled ? producer_->pause_producing() : producer_->resume_producing();
        if (!writing_.throttled()) may_write_.set();  // a Producer that went on may have written too much at once
    }

private:
    void full(bool now) {
        full_ = now;
        if (producer_ == nullptr || writing_.throttled()) return;
        now ? producer_->pause_producing() : producer_->resume_producing();
    }
    void stop() {
        if (auto* const producer = std::exchange(producer_, nullptr)) producer->stop_producing();
    }

    /// What the transport below has for a Producer. Apart, since pause and resume are also a Transport's words.
    struct FromBelow final : Producer {
        explicit FromBelow(ThrottledProtocol& protocol) : to(protocol) {}
        void pause_producing() override { to.full(true); }
        void resume_producing() override { to.full(false); }
        void stop_producing() override { to.stop(); }
        ThrottledProtocol& to;
    };

    std::shared_ptr<std::set<ThrottledProtocol*>> connected_;  // keeps the factory's state, too
    Meter& reading_;
    Meter& writing_;
    FromBelow from_below_{*this};
    Producer* producer_ = nullptr;
    DeferredEvent may_write_;
    std::optional<Failure> reason_;
    bool paused_ = false;
    bool full_ = false;
};

}  // namespace

ThrottlingFactory::State::State(Clock& clock, std::shared_ptr<Factory> factory, ThrottleLimits limits)
    : wrapped(std::move(factory)),
      most(limits.connections),
      reading(clock, limits.read, [this] { tell(reading, [](auto& one) { one.reading_changed(); }); }),
      writing(clock, limits.write, [this] { tell(writing, [](auto& one) { one.writing_changed(); }); }) {
    if (wrapped == nullptr || most == 0)
        throw std::invalid_argument("a ThrottlingFactory needs a factory to wrap, and limits that are not 0");
}

/// A Producer that is told may end any of the connections, and with them all that there are; or write so much that
/// everybody has been told the opposite meanwhile.
template <typename F>
void ThrottlingFactory::State::tell(const Meter& meter, F call) {
    const bool throttled = meter.throttled();
    std::vector<std::weak_ptr<ThrottledProtocol>> all;
    all.reserve(connected.size());
    const auto next = connected.upper_bound(last_resumed_);  // else the first of them would take all there is
    std::for_each(next, connected.end(), [&](auto* one) { all.push_back(one->weak_from_this()); });
    std::for_each(connected.begin(), next, [&](auto* one) { all.push_back(one->weak_from_this()); });
    for (const auto& weak : all) {
        const auto one = weak.lock();  // keeps the meter
        if (one == nullptr) continue;
        if (meter.throttled() != throttled) return;
        if (!throttled) last_resumed_ = one.get();
        call(*one);
    }
}

ThrottlingFactory::ThrottlingFactory(Clock& clock, std::shared_ptr<Factory> wrapped, ThrottleLimits limits)
    : state_(std::make_shared<State>(clock, std::move(wrapped), limits)) {}

ThrottlingFactory::~ThrottlingFactory() = default;

std::shared_ptr<Protocol> ThrottlingFactory::build_protocol(const Address& peer) {
    const auto state = state_;
    if (state->connected.size() >= state->most) return nullptr;
    auto protocol = state->wrapped->build_protocol(peer);
    return protocol == nullptr ? nullptr : std::make_shared<ThrottledProtocol>(std::move(protocol), state);
}

void ThrottlingFactory::start_factory() {
    state_->wrapped->begin_use();
}

void ThrottlingFactory::stop_factory() {
    state_->wrapped->end_use();
}

std::size_t ThrottlingFactory::connections() const noexcept {
    return state_->connected.size();
}

bool ThrottlingFactory::reading_throttled() const noexcept {
    return state_->reading.throttled();
}

bool ThrottlingFactory::writing_throttled() const noexcept {
    return state_->writing.throttled();
}

}  // namespace plait
