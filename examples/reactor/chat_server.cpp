// A chat: what one says, all the others read. Lines over TCP, with limits on everything that a stranger decides.
//
// usage: chat_server [PORT]        then, in several terminals: nc 127.0.0.1 PORT
#include <cstdio>
#include <cstdlib>
#include <set>

#include "plait/reactor/protocols/connection_limits.hpp"
#include "plait/reactor/protocols/line_only_receiver.hpp"
#include "plait/reactor/protocols/throttling.hpp"
#include "plait/reactor/protocols/timeout_factory.hpp"
#include "plait/reactor/react.hpp"
#include "plait/reactor/tcp.hpp"

using namespace std::chrono_literals;

namespace {

class Guest;
using Room = std::set<Guest*>;

class Guest : public plait::LineOnlyReceiver {
public:
    explicit Guest(std::shared_ptr<Room> room) : LineOnlyReceiver("\n", 500), room_(std::move(room)) {}

    void connection_made() override {
        send_line("Your name?");
        // Who does not read what the others say is not to fill our memory.
        transport().set_write_timeout(30s);
    }
    void line_received(plait::Bytes line) override {
        if (name_.empty()) {
            if (line.empty() || line.size() > 20) return send_line("1 to 20 letters, please. Your name?");
            name_ = line.str();
            send_line("Welcome, " + name_);
            room_->insert(this);
            return tell_others(name_ + " is here");
        }
        tell_others(name_ + ": " + line.str());
    }
    void line_length_exceeded(const plait::Bytes&) override {
        send_line("That line was too long. Good bye.");
        transport().lose_connection();
    }
    void connection_lost(const plait::Failure&) override {
        if (room_->erase(this) > 0) tell_others(name_ + " is gone");
    }

private:
    void tell_others(const std::string& text) {
        for (auto* const guest : *room_) {
            if (guest == this) continue;
            if (guest->transport().write_buffered() > 100'000) {
                guest->transport().abort_connection();
            } else {
                guest->send_line(text);
            }
        }
    }

    std::shared_ptr<Room> room_;
    std::string name_;
};

plait::Deferred<> serve(plait::Reactor& reactor, std::uint16_t number) {
    const auto room = std::make_shared<Room>();
    std::shared_ptr<plait::Factory> guests =
        plait::make_factory([room](const plait::Address&) { return std::make_shared<Guest>(room); });
    guests = std::make_shared<plait::TimeoutFactory>(reactor, guests, 10min);
    guests = std::make_shared<plait::LimitConnectionsByPeerFactory>(guests, 20);
    const plait::ThrottleLimits limits{.read = 100'000, .connections = 1000};
    guests = std::make_shared<plait::ThrottlingFactory>(reactor, guests, limits);

    const auto port = plait::listen_tcp(reactor, {"127.0.0.1", number}, guests);
    std::printf("listening on %s\n", port->address().str().c_str());
    std::fflush(stdout);
    auto [never, promise] = plait::make_deferred<>();
    co_await std::move(never);  // until a signal ends it
}

}  // namespace

int main(int count, char** arguments) {
    const auto number = count > 1 ? static_cast<std::uint16_t>(std::atoi(arguments[1])) : std::uint16_t{0};
    return plait::react([number](plait::Reactor& reactor) { return serve(reactor, number); });
}
