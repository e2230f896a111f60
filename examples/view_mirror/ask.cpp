#include "ask.hpp"

#include <chrono>
#include <memory>

#include "plait/reactor/protocols/line_receiver.hpp"
#include "plait/reactor/tcp.hpp"

namespace view_mirror {

using plait::Deferred;
using plait::Failure;
using namespace std::chrono_literals;

namespace {

class Question : public plait::LineReceiver {
public:
    Question(std::string text, plait::Promise<std::string> answer)
        : text_(std::move(text)), answer_(std::move(answer)) {}

    void connection_made() override { send_line(text_); }

    void line_received(plait::Bytes line) override {
        transport().lose_connection();
        if (answer_.wanted()) answer_.callback(line.str());
    }

    void connection_lost(const Failure& reason) override {
        if (answer_.wanted()) answer_.errback(reason);
    }

private:
    std::string text_;
    plait::Promise<std::string> answer_;
};

}  // namespace

Deferred<std::string> ask(plait::Reactor& reactor, plait::HostPort mirror, std::string question) {
    auto [answer, promise] = plait::make_deferred<std::string>();
    auto protocol = std::make_shared<Question>(std::move(question), std::move(promise));
    plait::ConnectOptions options;
    options.timeout = 2s;
    co_await plait::connect_tcp(reactor, std::move(mirror), protocol, options);
    std::string what = "the answer of a mirror";
    co_return co_await plait::with_timeout(reactor, std::move(answer), 5s, std::move(what));
}

std::string field(const std::string& status, const std::string& name) {
    const auto at = (" " + status).find(" " + name + "=");
    if (at == std::string::npos) return {};
    const auto start = at + name.size() + 1;
    return status.substr(start, status.find(' ', start) - start);
}

}  // namespace view_mirror
