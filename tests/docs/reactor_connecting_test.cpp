// The code of docs/reactor.md: connecting and names.
#define BOOST_TEST_MODULE docs_reactor_connecting
#include <boost/test/unit_test.hpp>
#include <string>

#include "plait/deferred/testing/manual_clock.hpp"
#include "plait/deferred/testing/outcomes.hpp"
#include "plait/reactor/client_service.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/names.hpp"
#include "plait/reactor/process_endpoint.hpp"
#include "plait/reactor/testing/memory_network.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

/// Waits for one answer.
class Asker final : public Protocol {
public:
    Deferred<std::string> answer() { return std::move(pair_.deferred); }
    void data_received(const Bytes& data) override { pair_.promise.callback(data.str()); }

private:
    DeferredPair<std::string> pair_ = make_deferred<std::string>();
};

class Shouter final : public Protocol {
public:
    void data_received(const Bytes& data) override {
        transport().write(data.str() + "!");
        transport().lose_connection();
    }
};

std::shared_ptr<Factory> shouters() {
    return make_factory([](const Address&) { return std::make_shared<Shouter>(); });
}

Deferred<> log_in(Protocol& protocol) {
    protocol.transport().write("it is me");
    return succeed();
}

// snippet: endpoint
Deferred<std::string> ask(Reactor& reactor, std::string where, std::string question) {
    const auto endpoint = client_from_string(reactor, where);  // "tcp:db.example:4000:timeout=5"
    const auto client = std::make_shared<Asker>();
    Deferred<std::shared_ptr<Protocol>> connecting = connect_protocol(*endpoint, client);
    co_await std::move(connecting);
    client->transport().write(question);
    co_return co_await client->answer();
}
// end of snippet

// snippet: program
Deferred<std::string> ask_program(Reactor& reactor, std::string question) {
    ProcessOptions shell{.program = "sh", .arguments = {"-c", "read line; echo \"$line, you said\""}};
    const auto endpoint = process_client_endpoint(reactor, std::move(shell));
    const auto client = std::make_shared<Asker>();
    Deferred<std::shared_ptr<Protocol>> connecting = connect_protocol(*endpoint, client);
    co_await std::move(connecting);
    client->transport().write(question);
    std::string answer = co_await client->answer();
    client->transport().lose_connection();  // it comes to its end, or is helped to after `grace`
    co_return answer;
}
// end of snippet

// snippet: resolve
Deferred<std::string> first_address(Reactor& reactor, std::string host) {
    HostPort where{std::move(host), 80};
    const std::vector<Address> found = co_await resolve(reactor, std::move(where));
    co_return found.front().str();
}
// end of snippet

// snippet: resolver
class TestNames final : public Resolver {
    Deferred<> look_up(const std::string& host, AddressFamily, Found found) override {
        if (host != "db.example") return fail(NameNotFound("no " + host + " in this test"));
        found({"127.0.0.1"});
        return succeed();
    }
    Deferred<std::vector<ServiceRecord>> look_up_service(const std::string& name) override {
        return fail<std::vector<ServiceRecord>>(NameNotFound("no " + name + " in this test"));
    }
};
// end of snippet

}  // namespace

BOOST_AUTO_TEST_CASE(a_string_says_where_to_connect_to) {
    Reactor reactor;
    install_resolver(reactor, std::make_shared<TestNames>());
    const auto server = server_from_string(reactor, "tcp:0:interface=127.0.0.1");
    const auto port = success_of(server->listen(shouters()));
    const std::string where = "tcp:db.example:" + std::to_string(port->address().port) + ":timeout=5";
    BOOST_TEST(reactor.run_until(ask(reactor, where, "hello")) == "hello!");
    BOOST_CHECK_THROW(reactor.run_until(ask(reactor, "tcp:other.example:1", "hello")), NameNotFound);
}

BOOST_AUTO_TEST_CASE(a_program_is_an_endpoint) {
    Reactor reactor;
    BOOST_TEST(reactor.run_until(ask_program(reactor, "hello\n")) == "hello, you said\n");
}

BOOST_AUTO_TEST_CASE(a_service_keeps_a_connection_up) {
    ManualClock clock;
    MemoryNetwork network;
    network.listen({"db", 4000}, shouters());
    const auto endpoint = connector_endpoint(network.connector(), {"db", 4000});
    const auto factory = make_factory([](const Address&) { return std::make_shared<Asker>(); });
    // snippet: service
    ClientServiceOptions options;
    options.backoff = {.initial = 100ms, .factor = 2, .cap = 30s, .jitter = 0.25};
    options.steady_after = 5s;  // a server that accepts and closes does not count as a success
    options.prepare_connection = [](Protocol& protocol) { return log_in(protocol); };
    ClientService service(clock, endpoint, factory, options);
    service.start();
    auto first = service.when_connected(3);  // fails when three attempts have failed
    // end of snippet
    network.flush();
    success_of(first);
    BOOST_TEST((service.state() == ClientService::State::waiting));  // it shouts once and closes
    clock.advance(125ms);
    network.flush();
    BOOST_TEST(network.attempts() == 2u);
}

BOOST_AUTO_TEST_CASE(names_are_looked_up) {
    Reactor reactor;
    install_resolver(reactor, std::make_shared<TestNames>());
    BOOST_TEST(reactor.run_until(first_address(reactor, "db.example")) == "127.0.0.1:80");
}
