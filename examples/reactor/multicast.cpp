// Multicast: one sends, all who have joined the group hear it, without anybody knowing who they are.
//
//     multicast listen GROUP:PORT INTERFACE              prints what is sent to the group, until interrupted
//     multicast send GROUP:PORT INTERFACE TTL TEXT...    TTL: 0 stays on this machine, 1 on the local network
//
//     multicast listen 239.1.2.3:7000 lo                 in as many terminals as you like
//     multicast send 239.1.2.3:7000 lo 0 hello
#include <charconv>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "plait/reactor/react.hpp"
#include "plait/reactor/udp.hpp"

namespace {

class Shown final : public plait::DatagramProtocol {
    void datagram_received(const plait::Bytes& data, const plait::Address& from) override {
        std::printf("%s says %s\n", from.str().c_str(), data.str().c_str());
        std::fflush(stdout);
    }
};

class Sender final : public plait::DatagramProtocol {
public:
    std::optional<plait::Failure> problem;

private:
    void datagram_received(const plait::Bytes&, const plait::Address&) override {}
    void send_failed(const plait::Failure& reason, const plait::Address&) override { problem = reason; }
};

bool is_ipv6(const plait::Address& address) {
    return address.ip.find(':') != std::string::npos;
}

int number(const std::string& text) {
    int value = -1;
    const char* const end = text.data() + text.size();
    if (std::from_chars(text.data(), end, value).ptr != end || text.empty()) {
        throw std::invalid_argument("a TTL is a number, and not \"" + text + "\"");
    }
    return value;
}

plait::Deferred<> listen(plait::Reactor& reactor, plait::Address group, std::string interface) {
    // At the group's own address, so that nothing else comes; "::" because those of IPv6 are one to an interface.
    const plait::Address where = is_ipv6(group) ? plait::Address{"::", group.port} : group;
    const plait::UdpOptions shared{.reuse_address = true};  // with other members on this machine
    const auto port = plait::listen_udp(reactor, where, std::make_shared<Shown>(), shared);
    port->join_group(group.ip, interface);
    group.port = port->host().port;
    std::printf("listening to %s\n", group.str().c_str());
    std::fflush(stdout);
    auto [never, promise] = plait::make_deferred<>();
    co_await std::move(never);  // react() cancels this when the program is interrupted
}

plait::Deferred<> send(plait::Reactor& reactor, plait::Address group, std::string interface, int ttl,
                       std::vector<std::string> texts) {
    const auto sender = std::make_shared<Sender>();
    const plait::Address here{is_ipv6(group) ? "::" : "0.0.0.0", 0};
    const auto port = plait::listen_udp(reactor, here, sender);
    port->set_multicast_interface(interface);
    port->set_multicast_ttl(ttl);
    for (const std::string& text : texts)
        port->write(text, group);
    co_await port->close();  // when all is sent
    if (sender->problem) sender->problem->raise();
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    return plait::react([&words](plait::Reactor& reactor) -> plait::Deferred<> {
        if (words.size() == 3 && words[0] == "listen") {
            return listen(reactor, plait::parse_listen_address(words[1]), words[2]);
        }
        if (words.size() >= 5 && words[0] == "send") {
            const plait::Address group = plait::parse_listen_address(words[1]);
            return send(reactor, group, words[2], number(words[3]), {words.begin() + 4, words.end()});
        }
        throw std::runtime_error(
            "usage: multicast listen GROUP:PORT INTERFACE | send GROUP:PORT INTERFACE TTL TEXT...");
    });
}
