// ProtocolRecorder, ProducerRecorder, RecorderFactory: write down what happens to them, and let a test step in.
// Not mocks: nothing is expected of them; the test looks at what they wrote down.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plait/reactor/protocol.hpp"

namespace plait::testing {

/// A Protocol for tests of transports, factories and policies.
///
///     auto recorder = std::make_shared<ProtocolRecorder>();
///     MemoryTransport transport(recorder);
///     transport.deliver("hello");
///     transport.lose_cleanly();
///     BOOST_TEST(recorder->story() == "made data lost: done");
///
/// Source: AccumulatingProtocol of Twisted.
struct ProtocolRecorder : Protocol {
    ~ProtocolRecorder() override;

    std::vector<std::string> events;  ///< "made", "data" (once for several in a row), "end", "lost: ..."
    std::string received;             ///< all bytes
    std::optional<Failure> reason;    ///< why it was lost
    bool close_at_end = true;         ///< what a protocol that knows no half-close does

    std::function<void(ProtocolRecorder&)> when_made = [](ProtocolRecorder&) {};
    std::function<void(ProtocolRecorder&, const Bytes&)> when_data = [](ProtocolRecorder&, const Bytes&) {};
    std::function<void(ProtocolRecorder&)> when_ended = [](ProtocolRecorder&) {};
    std::function<void(ProtocolRecorder&)> when_lost = [](ProtocolRecorder&) {};

    void connection_made() override;
    void data_received(const Bytes& data) override;
    void read_connection_lost() override;
    void connection_lost(const Failure& why) override;

    /// "made data end lost: done". The ends are done, broken, aborted, timed out, other.
    std::string story() const;
};

/// A Producer that only notes what it was told: "pause resume stop ".
struct ProducerRecorder final : Producer {
    std::string told;

    void pause_producing() override { told += "pause "; }
    void resume_producing() override { told += "resume "; }
    void stop_producing() override { told += "stop "; }
};

/// Builds ProtocolRecorders and keeps them.
struct RecorderFactory final : Factory {
    ~RecorderFactory() override;

    std::shared_ptr<Protocol> build_protocol(const Address& peer) override;

    std::function<void(ProtocolRecorder&)> prepare = [](ProtocolRecorder&) {};  ///< called with each new one
    std::vector<std::shared_ptr<ProtocolRecorder>> built;
    std::vector<Address> peers;
};

}  // namespace plait::testing
