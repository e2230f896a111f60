// A small log: programs on this machine send it messages, it prints them. UNIX datagrams keep each message whole and
// all in order, and tell the sender when nobody is there.
//
//     unix_datagram listen PATH            prints what is sent to PATH, until interrupted
//     unix_datagram send PATH TEXT...      sends each TEXT as a message of its own
//
// PATH is a file's, or "@name" for an abstract name, which needs no file.
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "plait/reactor/react.hpp"
#include "plait/reactor/unix_datagram.hpp"

namespace {

class Log final : public plait::DatagramProtocol {
    void start_protocol() override {
        std::printf("listening at %s\n", transport().host().str().c_str());
        std::fflush(stdout);
    }
    void datagram_received(const plait::Bytes& data, const plait::Address&) override {
        std::printf("%s\n", data.str().c_str());
        std::fflush(stdout);
    }
    void datagram_truncated(const plait::Bytes&, std::size_t size, const plait::Address&) override {
        std::printf("(a message of %zu bytes, which is too long)\n", size);
        std::fflush(stdout);
    }
};

class Sender final : public plait::DatagramProtocol {
public:
    int lost = 0;

private:
    void datagram_received(const plait::Bytes&, const plait::Address&) override {}  // a log does not answer
    void connection_refused() override { ++lost; }
    void send_failed(const plait::Failure&, const plait::Address&) override { ++lost; }
};

plait::Deferred<> listen(plait::Reactor& reactor, std::string path) {
    const auto port = plait::listen_unix_datagram(reactor, path, std::make_shared<Log>(), {.mode = 0600});
    auto [never, promise] = plait::make_deferred<>();
    co_await std::move(never);  // react() cancels this when the program is interrupted
}

plait::Deferred<> send(plait::Reactor& reactor, std::string path, std::vector<std::string> texts) {
    const auto sender = std::make_shared<Sender>();
    const auto port = plait::connect_unix_datagram(reactor, path, sender);
    for (const std::string& text : texts) {
        port->write(text);
        co_await port->drained();  // a log that is busy is waited for
    }
    co_await port->close();
    if (sender->lost > 0) throw std::runtime_error("messages lost: " + std::to_string(sender->lost));
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    return plait::react([&words](plait::Reactor& reactor) -> plait::Deferred<> {
        if (words.size() == 2 && words[0] == "listen") return listen(reactor, words[1]);
        if (words.size() >= 3 && words[0] == "send") return send(reactor, words[1], {words.begin() + 2, words.end()});
        throw std::runtime_error("usage: unix_datagram listen PATH | send PATH TEXT...");
    });
}
