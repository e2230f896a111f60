// A reactor with UDP ports on loopback, and a protocol that notes what happens to it. For the UDP tests.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "plait/reactor/udp.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"

namespace plait::testing {

struct DatagramRecorder : DatagramProtocol {
    std::vector<std::string> events;
    std::vector<Address> senders;
    std::vector<Bytes> received;
    std::string last_failure;

    std::function<void(DatagramRecorder&)> when_started = [](DatagramRecorder&) {};
    std::function<void(DatagramRecorder&, const Bytes&, const Address&)> when_received =
        [](DatagramRecorder&, const Bytes&, const Address&) {};
    std::function<void(DatagramRecorder&)> when_stopped = [](DatagramRecorder&) {};

    void start_protocol() override {
        events.push_back("start");
        when_started(*this);
    }
    void datagram_received(const Bytes& data, const Address& from) override {
        events.push_back(data.str());
        received.push_back(data);
        senders.push_back(from);
        when_received(*this, data, from);
    }
    void datagram_truncated(const Bytes& beginning, std::size_t size, const Address&) override {
        events.push_back("truncated " + beginning.str() + " of " + std::to_string(size));
    }
    void connection_refused() override { events.push_back("refused"); }
    void send_failed(const Failure& reason, const Address& to) override {
        events.push_back("failed to " + to.str());
        last_failure = reason.message();
    }
    void stop_protocol() override {
        events.push_back("stop");
        when_stopped(*this);
    }

    /// "start one two stop"
    std::string story() const {
        std::string all;
        for (const std::string& event : events)
            all += (all.empty() ? "" : " ") + event;
        return all;
    }
    bool has(std::string_view event) const {
        for (const std::string& each : events)
            if (each == event) return true;
        return false;
    }
};

struct UdpFixture {
    Reactor reactor;
    std::shared_ptr<DatagramRecorder> a = std::make_shared<DatagramRecorder>();
    std::shared_ptr<DatagramRecorder> b = std::make_shared<DatagramRecorder>();

    std::unique_ptr<UdpPort> open(const std::shared_ptr<DatagramProtocol>& protocol, const UdpOptions& options = {}) {
        return listen_udp(reactor, {"127.0.0.1", 0}, protocol, options);
    }
    void wait(const std::function<bool()>& condition) { run_until(reactor, condition); }
    void wait_for(const DatagramRecorder& recorder, std::string_view event) {
        wait([&] { return recorder.has(event); });
    }

    static void echo(DatagramRecorder& recorder) {
        recorder.when_received = [](DatagramRecorder& r, const Bytes& data, const Address& from) {
            r.transport().write(data, from);
        };
    }
};

/// A UDP port that was free a moment ago; nobody receives there.
inline Address deaf_udp_address() {
    const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto any = plait::detail::to_socket_address({"127.0.0.1", 0});
    if (::bind(fd.get(), any->get(), any->size) != 0) throw std::runtime_error("cannot bind");
    return plait::detail::local_address(fd.get());
}

}  // namespace plait::testing
