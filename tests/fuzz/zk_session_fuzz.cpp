// What a server sends to a ZooKeeper client: the first byte says how much of it greets each connection; the rest comes
// when the client has asked.
#include "plait/reactor/testing/memory_reactor.hpp"
#include "plait/tests/fuzz/fuzz.hpp"
#include "plait/zk/client.hpp"

namespace plait::fuzz {

namespace {

using namespace std::chrono_literals;

struct Script {
    std::string greeting;
    std::string answers;
};

class Server final : public Protocol {
public:
    explicit Server(const Script& script) : script_(script) {}

private:
    void data_received(const Bytes&) override {
        if (++heard_ == 1) transport().write(script_.greeting);
        if (heard_ == 2) transport().write(script_.answers);
    }

    const Script& script_;
    int heard_ = 0;
};

zk::ClientOptions small_options() {
    zk::ClientOptions options;
    options.session_timeout = 9s;
    options.request_timeout = 20s;
    options.shuffle_hosts = false;
    options.max_reply = 4096;
    return options;
}

/// Everything there is to ask, once, and for half a minute whatever comes of it.
void ask(const Script& script, std::size_t bytes_per_step) {
    testing::MemoryReactor memory;
    memory.network.set_bytes_per_step(bytes_per_step);
    memory.network.listen({"zk", 2181}, make_factory([&](const Address&) { return std::make_shared<Server>(script); }));
    int asked = 0;
    int ended = 0;
    std::vector<Deferred<>> under_way;
    const auto note = [&](auto deferred) {
        ++asked;
        under_way.push_back(std::move(deferred).add_both([&](const auto&) { ++ended; }));
    };
    {
        zk::Client client(memory.clock, memory.network.connector(), "zk:2181/app", small_options());
        note(client.connect());
        note(client.get_and_watch("/a"));
        note(client.get_children_and_watch("/"));
        note(client.exists_and_watch("/b"));
        note(client.create("/c-", "data", zk::CreateMode::ephemeral_sequential));
        note(client.set("/a", "other"));
        note(client.remove("/b"));
        note(client.sync());
        memory.pass(30s, 1s);
    }
    expect(ended == asked, "whatever is asked comes to an end");
    memory.pass(10s, 1s);
    expect(memory.network.open_connections() == 0, "a client that is gone leaves no connection");
    expect(memory.clock.pending_calls() == 0, "and no timer");
}

}  // namespace

void one_input(std::string_view input) {
    if (input.empty()) return;
    const std::size_t first = static_cast<unsigned char>(input.front());
    input.remove_prefix(1);
    const Script script{std::string(input.substr(0, first)), std::string(input.substr(std::min(first, input.size())))};
    ask(script, 0);
    ask(script, 7);
}

}  // namespace plait::fuzz
