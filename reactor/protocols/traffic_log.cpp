#include "plait/reactor/protocols/traffic_log.hpp"

#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "plait/deferred/contain.hpp"

namespace plait {

namespace {

using Kind = TrafficEvent::Kind;

class LoggedProtocol final : public ProtocolWrapper {
public:
    LoggedProtocol(std::shared_ptr<Protocol> wrapped, Address peer, std::shared_ptr<TrafficLoggingFactory::Log> log)
        : ProtocolWrapper(std::move(wrapped)), peer_(std::move(peer)), log_(std::move(log)) {}

    void connection_made() override {
        tell(Kind::made);
        ProtocolWrapper::connection_made();
    }
    void data_received(const Bytes& data) override {
        tell(Kind::received, data);
        ProtocolWrapper::data_received(data);
    }
    void read_connection_lost() override {
        tell(Kind::ended);
        ProtocolWrapper::read_connection_lost();
    }
    void connection_lost(const Failure& reason) override {
        contain([&] { (*log_)({Kind::lost, peer_, {}, &reason}); });
        ProtocolWrapper::connection_lost(reason);
    }
    void write(Bytes data) override {
        tell(Kind::written, data);
        ProtocolWrapper::write(std::move(data));
    }
    void write(std::string_view text) override {
        tell(Kind::written, text);
        ProtocolWrapper::write(text);
    }
    void write_sequence(std::span<const Bytes> pieces) override {
        for (const Bytes& piece : pieces)
            tell(Kind::written, piece);
        ProtocolWrapper::write_sequence(pieces);
    }

private:
    void tell(Kind kind, std::string_view bytes = {}) { (*log_)({kind, peer_, bytes}); }

    Address peer_;
    std::shared_ptr<TrafficLoggingFactory::Log> log_;
};

std::string escaped(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes) {
        if (byte == '\r') {
            text += "\\r";
        } else if (byte == '\n') {
            text += "\\n";
        } else if (byte == '"' || byte == '\\') {
            text.append("\\").push_back(byte);
        } else if (byte >= ' ' && byte <= '~') {
            text += byte;
        } else {
            text += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
        }
    }
    return text;
}

}  // namespace

std::string describe(const TrafficEvent& event, std::size_t most) {
    const auto bytes = [&](const char* verb) {
        return fmt::format("{} {} {}: \"{}\"{}", event.peer.str(), verb, event.bytes.size(),
                           escaped(event.bytes.substr(0, most)), event.bytes.size() > most ? "..." : "");
    };
    switch (event.kind) {
        case Kind::made:
            return event.peer.str() + " connected";
        case Kind::received:
            return bytes("received");
        case Kind::written:
            return bytes("written");
        case Kind::ended:
            return event.peer.str() + " sends no more";
        case Kind::lost:
            break;
    }
    return event.peer.str() + " lost" + (event.reason != nullptr ? ": " + event.reason->message() : "");
}

TrafficLoggingFactory::TrafficLoggingFactory(std::shared_ptr<Factory> wrapped, Log log)
    : WrappingFactory(std::move(wrapped)), log_(std::make_shared<Log>(std::move(log))) {
    if (!*log_) throw std::invalid_argument("a TrafficLoggingFactory needs a function to tell");
}

TrafficLoggingFactory::~TrafficLoggingFactory() = default;

std::shared_ptr<Protocol> TrafficLoggingFactory::wrap(std::shared_ptr<Protocol> protocol, const Address& peer) {
    return std::make_shared<LoggedProtocol>(std::move(protocol), peer, log_);
}

}  // namespace plait
