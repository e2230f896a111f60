// cat, on a loop: copies standard input to standard output, be they files, pipes or terminals, and never holds more
// than a little of it.
#include <cstdio>

#include "plait/reactor/react.hpp"
#include "plait/reactor/stdio.hpp"

namespace {

class Cat final : public plait::Protocol, plait::Producer {
public:
    explicit Cat(plait::Promise<> done) : done_(std::move(done)) {}

    void connection_made() override { transport().register_producer(*this); }
    void data_received(const plait::Bytes& data) override { transport().write(data); }
    void read_connection_lost() override {
        transport().unregister_producer();
        transport().lose_connection();
    }
    void connection_lost(const plait::Failure& reason) override {
        reason.check<plait::ConnectionDone>() ? done_.callback() : done_.errback(reason);
    }

private:
    void pause_producing() override { transport().pause_producing(); }
    void resume_producing() override { transport().resume_producing(); }
    void stop_producing() override {}

    plait::Promise<> done_;
};

plait::Deferred<> copy(plait::Reactor& reactor) {
    auto [done, promise] = plait::make_deferred<>();
    co_await plait::open_stdio(reactor, std::make_shared<Cat>(std::move(promise)));
    co_await std::move(done);
}

}  // namespace

int main() {
    return plait::react(copy);
}
