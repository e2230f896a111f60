#include "plait/reactor/protocols/connection_limits.hpp"

#include <map>
#include <stdexcept>
#include <string>
#include <utility>

namespace plait {

namespace {

/// Counted from when it is built, so that a burst of accepted connections is seen, until it is lost or destroyed.
class Counted final : public ProtocolWrapper {
public:
    /// `count` is owned by `owner`, and `forget` called when it is 0 again.
    Counted(std::shared_ptr<Protocol> wrapped, std::shared_ptr<void> owner, std::size_t& count,
            UniqueFunction<void()> forget)
        : ProtocolWrapper(std::move(wrapped)), owner_(std::move(owner)), count_(count), forget_(std::move(forget)) {
        ++count_;
    }
    ~Counted() override { leave(); }

    void connection_lost(const Failure& reason) override {
        leave();
        ProtocolWrapper::connection_lost(reason);
    }

private:
    void leave() {
        if (owner_ == nullptr) return;
        const auto owner = std::exchange(owner_, nullptr);
        if (--count_ == 0 && forget_) std::exchange(forget_, nullptr)();
    }

    std::shared_ptr<void> owner_;
    std::size_t& count_;
    UniqueFunction<void()> forget_;
};

std::string_view same_address(std::string_view ip) noexcept {
    constexpr std::string_view mapped = "::ffff:";
    const bool is_mapped = ip.starts_with(mapped) && ip.find('.') != std::string_view::npos;
    return is_mapped ? ip.substr(mapped.size()) : ip;
}

std::shared_ptr<Factory> required(std::shared_ptr<Factory> factory) {
    if (factory == nullptr) throw std::invalid_argument("a limit of connections needs a factory to wrap");
    return factory;
}

}  // namespace

struct LimitTotalConnectionsFactory::State {
    std::shared_ptr<Factory> wrapped;
    std::shared_ptr<Factory> overflow;
    std::size_t most;
    std::size_t most_overflowing;
    std::size_t count = 0;
    std::size_t overflowing = 0;
};

LimitTotalConnectionsFactory::LimitTotalConnectionsFactory(std::shared_ptr<Factory> wrapped, std::size_t most,
                                                           std::shared_ptr<Factory> overflow,
                                                           std::size_t most_overflowing)
    : state_(
          std::make_shared<State>(State{required(std::move(wrapped)), std::move(overflow), most, most_overflowing})) {}

LimitTotalConnectionsFactory::~LimitTotalConnectionsFactory() = default;

std::shared_ptr<Protocol> LimitTotalConnectionsFactory::build_protocol(const Address& peer) {
    const auto state = state_;
    const bool within = state->count < state->most;
    if (!within && (state->overflow == nullptr || state->overflowing >= state->most_overflowing)) return nullptr;
    auto& count = within ? state->count : state->overflowing;
    auto protocol = (within ? state->wrapped : state->overflow)->build_protocol(peer);
    if (protocol == nullptr) return nullptr;
    return std::make_shared<Counted>(std::move(protocol), state, count, nullptr);
}

void LimitTotalConnectionsFactory::start_factory() {
    state_->wrapped->begin_use();
    if (state_->overflow == nullptr) return;
    try {
        state_->overflow->begin_use();
    } catch (...) {
        state_->wrapped->end_use();
        throw;
    }
}

void LimitTotalConnectionsFactory::stop_factory() {
    state_->wrapped->end_use();
    if (state_->overflow != nullptr) state_->overflow->end_use();
}

std::size_t LimitTotalConnectionsFactory::connections() const noexcept {
    return state_->count;
}

std::size_t LimitTotalConnectionsFactory::overflowing() const noexcept {
    return state_->overflowing;
}

struct LimitConnectionsByPeerFactory::State {
    std::shared_ptr<Factory> wrapped;
    std::size_t most;
    std::map<std::string, std::size_t, std::less<>> counts{};
};

LimitConnectionsByPeerFactory::LimitConnectionsByPeerFactory(std::shared_ptr<Factory> wrapped, std::size_t most)
    : state_(std::make_shared<State>(State{required(std::move(wrapped)), most})) {}

LimitConnectionsByPeerFactory::~LimitConnectionsByPeerFactory() = default;

std::shared_ptr<Protocol> LimitConnectionsByPeerFactory::build_protocol(const Address& peer) {
    const auto state = state_;
    const std::string ip(same_address(peer.ip));
    const auto there = state->counts.find(ip);
    if (state->most == 0 || (there != state->counts.end() && there->second >= state->most)) return nullptr;
    auto protocol = state->wrapped->build_protocol(peer);
    if (protocol == nullptr) return nullptr;
    const auto counted = state->counts.try_emplace(ip, 0).first;
    return std::make_shared<Counted>(std::move(protocol), state, counted->second,
                                     [state, counted] { state->counts.erase(counted); });
}

void LimitConnectionsByPeerFactory::start_factory() {
    state_->wrapped->begin_use();
}

void LimitConnectionsByPeerFactory::stop_factory() {
    state_->wrapped->end_use();
}

std::size_t LimitConnectionsByPeerFactory::peers() const noexcept {
    return state_->counts.size();
}

}  // namespace plait
