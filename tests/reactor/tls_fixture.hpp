// A client and a server with TLS between them, on a memory network and a manual clock. For the TLS tests.
#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "plait/deferred/testing/manual_clock.hpp"
#include "plait/reactor/testing/memory_network.hpp"
#include "plait/reactor/testing/memory_transport.hpp"
#include "plait/reactor/tls.hpp"
#include "plait/tests/reactor/recorder.hpp"
#include "tls_certificates.hpp"

namespace plait {

inline std::ostream& operator<<(std::ostream& out, TlsVersion version) {
    return out << to_string(version);
}

}  // namespace plait

namespace plait::testing {

/// One CA for all tests of a program.
inline const TestCa& test_ca() {
    static const TestCa ca;
    return ca;
}

/// For clients that trust that CA.
inline TlsOptions trusting() {
    TlsOptions options;
    options.ca = TlsPem::from_text(test_ca().pem());
    return options;
}

/// For servers: "localhost" and 127.0.0.1, signed by that CA.
inline TlsOptions serving() {
    static const Identity identity = test_ca().issue();
    return options_of(identity);
}

inline TlsInfo info_of(const Protocol& protocol) {
    return tls_transport(protocol.transport())->tls();
}

/// What a failed connect, or a lost connection, says.
template <typename E>
bool is(const std::optional<Failure>& failure) {
    return failure.has_value() && failure->check<E>() != nullptr;
}
inline std::string text_of(const std::optional<Failure>& failure) {
    return failure ? failure->message() : "no failure";
}

struct TlsPair {
    ManualClock clock;
    MemoryNetwork network;
    TlsOptions client_options = trusting();
    TlsOptions server_options = serving();
    TlsTimes times;
    HostPort where{"localhost", 443};

    std::shared_ptr<const TlsContext> client_context;
    std::shared_ptr<const TlsContext> server_context;
    std::shared_ptr<Recorder> client = std::make_shared<Recorder>();
    std::vector<std::shared_ptr<Recorder>> served;
    std::function<void(Recorder&)> prepare = [](Recorder&) {};
    std::optional<Failure> server_failed;
    std::optional<Failure> client_failed;
    bool connected = false;
    Deferred<> connecting;

    /// Contexts are made once, so that sessions live on.
    void make_contexts() {
        if (!client_context) client_context = TlsContext::client(client_options);
        if (!server_context) server_context = TlsContext::server(server_options);
    }

    void listen() {
        make_contexts();
        auto plain = make_factory([this](const Address&) {
            auto server = std::make_shared<Recorder>();
            prepare(*server);
            served.push_back(server);
            return server;
        });
        network.listen(where, tls_factory(clock, server_context, plain, times,
                                          [this](const Address&, const Failure& why) { server_failed = why; }));
    }

    void start() {
        listen();
        connect();
    }

    void connect() {
        connected = false;
        connecting = make_tls_connector(clock, client_context, network.connector(), times)
                         ->connect(where, client)
                         .add_callbacks([this](const std::shared_ptr<Protocol>&) { connected = true; },
                                        [this](const Failure& why) { client_failed = why; });
    }

    /// Lets everything happen that needs no time.
    void settle() {
        for (int i = 0; i < 200; ++i) {
            clock.advance({});
            network.flush();
        }
    }

    /// Connected, shaken hands; a server's Recorder.
    Recorder& open() {
        start();
        settle();
        if (!connected) throw std::runtime_error("not connected: " + text_of(client_failed));
        return server();
    }
    Recorder& server() { return *served.back(); }

    static void echo(Recorder& recorder) {
        recorder.when_data = [](Recorder& r, const Bytes& data) { r.transport().write(data); };
    }
};

}  // namespace plait::testing
