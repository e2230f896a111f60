#include "plait/reactor/datagram.hpp"

namespace plait {

namespace {

/// What a protocol without a port writes to. Has no state: one serves every thread.
class NoDatagramTransport final : public DatagramTransport {
public:
    bool write(Bytes, const Address&) override { return false; }
    bool write(Bytes) override { return false; }
    void connect(const Address&) override {}
    std::size_t write_buffered() const noexcept override { return 0; }
    Deferred<> drained() override { return fail(ConnectionDone("the datagram port is stopped")); }
    Address host() const override { return {"not open", 0}; }
    Counters counters() const noexcept override { return {}; }
};

NoDatagramTransport no_transport;

}  // namespace

DatagramTransport& DatagramProtocol::transport() const noexcept {
    return transport_ != nullptr ? *transport_ : no_transport;
}

}  // namespace plait
