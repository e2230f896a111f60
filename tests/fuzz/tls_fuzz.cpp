// Two ends of TLS and what a network, or who sits on it, may do between them. The input is a list of steps: carry bytes
// or a part of them, change one, put in others, let one end write, pause, close or wait, cut the line.
#include <array>
#include <memory>
#include <string>

#include "plait/deferred/testing/manual_clock.hpp"
#include "plait/reactor/testing/memory_transport.hpp"
#include "plait/reactor/testing/recorder.hpp"
#include "plait/reactor/tls.hpp"
#include "plait/tests/fuzz/fuzz.hpp"
#include "plait/tests/reactor/tls_certificates.hpp"

namespace plait::fuzz {

namespace {

using testing::ManualClock;
using testing::MemoryTransport;
using testing::ProtocolRecorder;

constexpr std::size_t most_steps = 200;
constexpr std::size_t most_unread = 1024 * 1024;

struct Contexts {
    std::shared_ptr<const TlsContext> client;
    std::shared_ptr<const TlsContext> server;

    Contexts() {
        const testing::TestCa ca;
        TlsOptions trusting;
        trusting.ca = TlsPem::from_text(ca.pem());
        trusting.alpn = {"h2", "http/1.1"};
        TlsOptions serving = testing::options_of(ca.issue());
        serving.alpn = {"http/1.1"};
        serving.ca = trusting.ca;
        serving.client_certificates = TlsClientCertificates::optional;
        serving.by_name = {{"*.example", TlsContext::server(serving)}};
        client = TlsContext::client(trusting);
        server = TlsContext::server(serving);
    }
};

class Steps {
public:
    explicit Steps(std::string_view input) : left_(input) {}
    bool done() const { return left_.empty(); }
    unsigned byte() {
        if (left_.empty()) return 0;
        const auto value = static_cast<unsigned char>(left_.front());
        left_.remove_prefix(1);
        return value;
    }
    std::size_t number() {
        const unsigned high = byte();
        return high * 256 + byte();
    }
    std::string_view bytes(std::size_t count) {
        const std::string_view taken = left_.substr(0, count);
        left_.remove_prefix(taken.size());
        return taken;
    }

private:
    std::string_view left_;
};

struct End {
    explicit End(std::shared_ptr<Protocol> tls, std::shared_ptr<ProtocolRecorder> recorder)
        : protocol(std::move(recorder)), transport(std::move(tls)) {}

    std::shared_ptr<ProtocolRecorder> protocol;
    MemoryTransport transport;
    std::string to_peer;  ///< on its way
    std::string wrote;
    bool closing = false;

    void collect() { to_peer += transport.take_written(); }
};

class Line {
public:
    explicit Line(const Contexts& contexts) : ends_{make(contexts, false), make(contexts, true)} {}

    void step(Steps& steps) {
        const unsigned what = steps.byte();
        End& end = *ends_[what & 1];
        End& other = *ends_[~what & 1];
        switch ((what >> 1) % 10) {
            case 0:
                return carry(end, other, end.to_peer.size());
            case 1:
                return carry(end, other, steps.number());
            case 2:
                if (const std::size_t at = steps.number(); at < end.to_peer.size())
                    end.to_peer[at] = static_cast<char>(end.to_peer[at] ^ static_cast<char>(steps.byte()));
                return;
            case 3:
                return end.transport.deliver(std::string(steps.bytes(steps.number())));
            case 4:
                return write(end, steps.byte() * 251);
            case 5:
                if (!end.protocol->connected()) return;
                return steps.byte() % 2 == 0 ? end.protocol->transport().pause_producing()
                                             : end.protocol->transport().resume_producing();
            case 6:
                return close(end, steps.byte());
            case 7:
                return clock_.advance(std::chrono::milliseconds(steps.byte() * 100));
            case 8:
                return end.transport.deliver_end();
            default:
                return end.transport.lose_broken();
        }
    }

    void settle() {
        clock_.advance({});
        for (const auto& end : ends_)
            end->collect();
        for (const auto& end : ends_) {
            const End& other = end == ends_[0] ? *ends_[1] : *ends_[0];
            expect(other.wrote.starts_with(end->protocol->received), "nothing is received that was not written");
            expect(end->to_peer.size() < most_unread + 2 * end->wrote.size(), "what a peer has us say has a bound");
        }
    }

    /// Whatever has happened, what is to end does.
    void wait_for_the_end() {
        for (int i = 0; i < 60; ++i)
            clock_.advance(std::chrono::seconds(5));
        for (const auto& end : ends_) {
            const bool may_last = end->protocol->connected() && !end->closing;
            expect(may_last || end->transport.disconnecting() || end->transport.lost(), "handshakes and closes end");
            end->transport.lose_broken();
            int losses = 0;
            for (const auto& event : end->protocol->events)
                losses += event.starts_with("lost") ? 1 : 0;
            expect(losses == (end->protocol->events.empty() ? 0 : 1), "each connection made is lost once");
        }
    }

private:
    std::unique_ptr<End> make(const Contexts& contexts, bool server) {
        auto recorder = std::make_shared<ProtocolRecorder>();
        recorder->close_at_end = false;
        const TlsPeer peer{"localhost", 443};
        return std::make_unique<End>(server ? tls_server(clock_, contexts.server, recorder)
                                            : tls_client(clock_, contexts.client, peer, recorder),
                                     recorder);
    }

    static void carry(End& from, End& to, std::size_t count) {
        const std::string some = from.to_peer.substr(0, count);
        from.to_peer.erase(0, some.size());
        to.transport.deliver(some);
    }

    static void write(End& end, std::size_t size) {
        if (!end.protocol->connected() || end.closing) return;
        const std::string text(size, static_cast<char>('a' + size % 26));
        end.wrote += text;
        end.protocol->transport().write(text);
    }

    static void close(End& end, unsigned how) {
        if (!end.protocol->connected()) return;
        Transport& transport = end.protocol->transport();
        end.closing = true;  // and writes no more
        if (how % 3 == 0) return transport.lose_connection();
        if (how % 3 == 1) return transport.abort_connection();
        transport.lose_write_connection();
        transport.lose_connection();
    }

    ManualClock clock_;
    std::array<std::unique_ptr<End>, 2> ends_;
};

}  // namespace

void one_input(std::string_view input) {
    static const Contexts contexts;
    contexts.client->forget_sessions();
    Line line(contexts);
    Steps steps(input);
    line.settle();
    for (std::size_t i = 0; i < most_steps && !steps.done(); ++i) {
        line.step(steps);
        line.settle();
    }
    line.wait_for_the_end();
}

}  // namespace plait::fuzz
