#include "plait/reactor/protocol.hpp"

#include <utility>

#include "plait/deferred/contain.hpp"
#include "plait/deferred/unhandled.hpp"
#include "plait/reactor/errors.hpp"

namespace plait {

namespace {

/// What a protocol without a connection writes to. Has no state: one serves every thread.
class LostTransport final : public Transport {
public:
    void write(Bytes) override {}
    void write(std::string_view) override {}
    void write_sequence(std::span<const Bytes>) override {}
    void lose_connection() override {}
    void lose_write_connection() override {}
    void abort_connection() override {}
    bool disconnecting() const noexcept override { return true; }
    void pause_producing() override {}
    void resume_producing() override {}
    void register_producer(Producer& producer) override { producer.stop_producing(); }
    void unregister_producer() override {}
    void set_write_watermarks(std::size_t, std::size_t) override {}
    std::size_t write_buffered() const noexcept override { return 0; }
    Deferred<> drained() override { return fail(ConnectionDone("there is no connection")); }
    Address host() const override { return {"not connected", 0}; }
    Address peer() const override { return {"not connected", 0}; }
    void set_no_delay(bool) override {}
    void set_keep_alive(bool) override {}
    void set_keep_alive(const KeepAlive&) override {}
};

LostTransport lost_transport;

class FunctionFactory final : public Factory {
public:
    explicit FunctionFactory(UniqueFunction<std::shared_ptr<Protocol>(const Address&)> build)
        : build_(std::move(build)) {}

    std::shared_ptr<Protocol> build_protocol(const Address& peer) override { return build_(peer); }

private:
    UniqueFunction<std::shared_ptr<Protocol>(const Address&)> build_;
};

}  // namespace

void Protocol::make_connection(Transport& transport) {
    transport_ = &transport;
    connection_made();
}

void Protocol::lose_connection(const Failure& reason) {
    const auto own = std::exchange(own_reason_, std::nullopt);
    const Failure& why = own ? *own : reason;
    contain([&] { connection_lost(why); });
    transport_ = nullptr;
    if (LossObserver* observer = std::exchange(loss_observer_, nullptr)) observer->protocol_lost(why);
}

void Protocol::abort_because(Failure reason) {
    if (!connected()) return;
    if (!own_reason_) own_reason_ = std::move(reason);
    transport().abort_connection();
}

Transport::Handover Transport::hand_over(std::shared_ptr<Protocol>) {
    throw UsageError("this transport cannot change its protocol in mid-stream");
}

Transport& Protocol::transport() const noexcept {
    return transport_ != nullptr ? *transport_ : lost_transport;
}

void Factory::begin_use() {
    if (uses_ == 0) start_factory();
    ++uses_;
}

void Factory::end_use() noexcept {
    if (--uses_ == 0) contain([this] { stop_factory(); });
}

std::shared_ptr<Factory> make_factory(UniqueFunction<std::shared_ptr<Protocol>(const Address& peer)> build) {
    return std::make_shared<FunctionFactory>(std::move(build));
}

}  // namespace plait
