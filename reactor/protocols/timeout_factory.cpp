#include "plait/reactor/protocols/timeout_factory.hpp"

#include <stdexcept>
#include <utility>

namespace plait {

namespace {

class TimedProtocol final : public ProtocolWrapper {
public:
    TimedProtocol(std::shared_ptr<Protocol> wrapped, Clock& clock, Duration limit)
        : ProtocolWrapper(std::move(wrapped)), clock_(clock), limit_(limit) {}

    void connection_made() override {
        wait();
        ProtocolWrapper::connection_made();
    }
    void data_received(const Bytes& data) override {
        moved_ = clock_.now();
        ProtocolWrapper::data_received(data);
    }
    void connection_lost(const Failure& reason) override {
        call_.cancel();
        ProtocolWrapper::connection_lost(reason);
    }
    void write(Bytes data) override {
        moved_ = clock_.now();
        ProtocolWrapper::write(std::move(data));
    }
    void write(std::string_view text) override {
        moved_ = clock_.now();
        ProtocolWrapper::write(text);
    }
    void write_sequence(std::span<const Bytes> pieces) override {
        moved_ = clock_.now();
        ProtocolWrapper::write_sequence(pieces);
    }

private:
    void wait() {
        moved_ = clock_.now();
        call_ = clock_.call_later(limit_, [this] { due(); });
    }

    /// The timer is not moved with each byte; it looks when it is due.
    void due() {
        const auto sent = transport().bytes_sent();
        const bool taken = sent != std::exchange(sent_, sent) && transport().write_buffered() != 0;
        if (taken) return wait();
        // What is written to a connection that closes goes nowhere: it is no sign of life.
        if (closing_) return abort_connection();
        if (const auto left = moved_ + limit_ - clock_.now(); left > Duration::zero()) {
            call_ = clock_.call_later(left, [this] { due(); });
            return;
        }
        closing_ = true;
        lose_connection();
        wait();
    }

    Clock& clock_;
    Duration limit_;
    TimePoint moved_{};
    std::uint64_t sent_ = 0;
    DelayedCall call_;
    bool closing_ = false;
};

}  // namespace

TimeoutFactory::TimeoutFactory(Clock& clock, std::shared_ptr<Factory> wrapped, Duration limit)
    : WrappingFactory(std::move(wrapped)), clock_(clock), limit_(limit) {
    if (limit <= Duration::zero()) throw std::invalid_argument("a TimeoutFactory's limit must be more than 0");
}

TimeoutFactory::~TimeoutFactory() = default;

std::shared_ptr<Protocol> TimeoutFactory::wrap(std::shared_ptr<Protocol> protocol, const Address&) {
    return std::make_shared<TimedProtocol>(std::move(protocol), clock_, limit_);
}

}  // namespace plait
