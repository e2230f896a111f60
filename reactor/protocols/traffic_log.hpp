// TrafficLoggingFactory: tells a function of everything that its connections receive and write.
// Not a logger: the function decides where it goes.
#pragma once

#include <memory>
#include <string>

#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/protocols/protocol_wrapper.hpp"

namespace plait {

/// What happened on one connection. Lifetime: of the call.
struct TrafficEvent {
    enum class Kind : unsigned char { made, received, written, ended, lost };

    Kind kind;
    const Address& peer;
    std::string_view bytes;           ///< received, written
    const Failure* reason = nullptr;  ///< lost
};

/// "10.0.0.1:54321 received 7: "hello\r\n"", what is not text escaped, and cut after `most` bytes.
std::string describe(const TrafficEvent& event, std::size_t most = 200);

/// Wraps a factory.
///
///     TrafficLoggingFactory logged(factory, [](const TrafficEvent& event) { std::puts(describe(event).c_str()); });
///
/// What the function throws ends the connection it was told of; of `written` it comes out of the write(), and nothing
/// is written; of `lost` it is reported as an unhandled failure. Lifetime: connections may outlive it; the function
/// lives until the last is lost. Fails:    throws std::invalid_argument for an empty function. Source:
/// TrafficLoggingFactory of Twisted.
class TrafficLoggingFactory final : public WrappingFactory {
public:
    using Log = UniqueFunction<void(const TrafficEvent& event)>;

    TrafficLoggingFactory(std::shared_ptr<Factory> wrapped, Log log);
    ~TrafficLoggingFactory() override;

private:
    std::shared_ptr<Protocol> wrap(std::shared_ptr<Protocol> protocol, const Address& peer) override;

    std::shared_ptr<Log> log_;
};

}  // namespace plait
