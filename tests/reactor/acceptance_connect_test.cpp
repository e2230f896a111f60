// Twisted's acceptance cases of connectors, endpoints and ClientService, each under its own name. Where they read
// differently here, the line above says how.
#define BOOST_TEST_MODULE acceptance_connect
#include <boost/test/unit_test.hpp>

#include "plait/reactor/endpoint_parser.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/tests/reactor/client_service_fixture.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"
#include "plait/tests/reactor/unix_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;
using State = ClientService::State;

namespace plait {
std::ostream& operator<<(std::ostream& stream, ClientService::State state) {
    return stream << name_of(state);
}
}  // namespace plait

namespace {

std::shared_ptr<Factory> recorders() {
    return make_factory([](const Address&) { return std::make_shared<Recorder>(); });
}

struct EndpointFixture : TcpFixture {
    std::shared_ptr<ClientEndpoint> endpoint = tcp_client_endpoint(reactor, where());
};

}  // namespace

// --- connectors

// stopConnecting() is cancel(), and UserError is Cancelled.
BOOST_FIXTURE_TEST_CASE(user_fail, TcpFixture) {
    const FullPort full;
    settle(reactor);
    const std::size_t before = open_descriptors();
    auto client = std::make_shared<Recorder>();
    auto connecting = connect_tcp(reactor, full.where(), client);
    settle(reactor);
    BOOST_TEST(open_descriptors() == before + 1);
    connecting.cancel();
    failure_of<Cancelled>(connecting);
    settle(reactor);
    BOOST_TEST(open_descriptors() == before);
    BOOST_TEST(client.use_count() == 1);
    BOOST_TEST(client->events.empty());
}

// connect() in clientConnectionFailed is connecting again in an errback.
BOOST_FIXTURE_TEST_CASE(reconnect, TcpFixture) {
    const SilentPort silent;
    auto client = std::make_shared<Recorder>();
    auto connected = connect_tcp(reactor, {"127.0.0.1", silent.address.port}, client)
                         .add_errback<ConnectionRefused>(
                             [&](const ConnectionRefused&) { return connect_tcp(reactor, where(), client); });
    BOOST_TEST((reactor.run_until(std::move(connected)) == client));
}

// --- endpoints

BOOST_FIXTURE_TEST_CASE(endpoint_connect_success, EndpointFixture) {
    const auto protocol = reactor.run_until(endpoint->connect(recorders()));
    BOOST_TEST(protocol->transport().peer().str() == port->address().str());
}

BOOST_FIXTURE_TEST_CASE(endpoint_connect_failure, EndpointFixture) {
    const SilentPort silent;
    auto refused = tcp_client_endpoint(reactor, {"127.0.0.1", silent.address.port});
    BOOST_CHECK_THROW(reactor.run_until(refused->connect(recorders())), ConnectionRefused);
}

BOOST_FIXTURE_TEST_CASE(endpoint_connecting_cancelled, EndpointFixture) {
    const FullPort full;
    int built = 0;
    auto factory = make_factory([&](const Address&) {
        ++built;
        return std::make_shared<Recorder>();
    });
    auto connecting = tcp_client_endpoint(reactor, full.where())->connect(factory);
    settle(reactor);
    connecting.cancel();
    failure_of<Cancelled>(connecting);
    BOOST_TEST(built == 0);
    BOOST_TEST(factory.use_count() == 1);
}

BOOST_FIXTURE_TEST_CASE(endpoint_connect_non_default_args, EndpointFixture) {
    const FullPort full;
    ConnectOptions options;
    options.timeout = 20ms;
    BOOST_CHECK_THROW(reactor.run_until(tcp_client_endpoint(reactor, full.where(), options)->connect(recorders())),
                      ConnectTimeout);
    options.timeout = 20s;
    options.bind_address = Address{"127.0.0.7", 0};
    const auto protocol = reactor.run_until(tcp_client_endpoint(reactor, where(), options)->connect(recorders()));
    BOOST_TEST(protocol->transport().host().ip == "127.0.0.7");
}

// The factory's exception is the failure.
BOOST_FIXTURE_TEST_CASE(endpoint_build_protocol_raises, EndpointFixture) {
    auto bad = make_factory([](const Address&) -> std::shared_ptr<Protocol> { throw Error("no protocol"); });
    BOOST_CHECK_EXCEPTION(reactor.run_until(endpoint->connect(bad)), Error,
                          [](const Error& error) { return says(error, "no protocol"); });
}

BOOST_FIXTURE_TEST_CASE(endpoint_build_protocol_returns_none, EndpointFixture) {
    auto none = make_factory([](const Address&) { return nullptr; });
    BOOST_CHECK_EXCEPTION(reactor.run_until(endpoint->connect(none)), ConnectError,
                          [](const ConnectError& error) { return says(error, "the factory built no protocol"); });
}

BOOST_FIXTURE_TEST_CASE(endpoint_listen_success, EndpointFixture) {
    auto server = tcp_server_endpoint(reactor, {"127.0.0.1", 0});
    const auto mine = success_of(server->listen(recorders()));
    reactor.run_until(tcp_client_endpoint(reactor, {"127.0.0.1", mine->address().port})->connect(recorders()));
    const auto other = success_of(server->listen(recorders()));  // again, another one
    BOOST_TEST(other->address().port != mine->address().port);
}

// listen() never raises: a busy port is a failed Deferred.
BOOST_FIXTURE_TEST_CASE(endpoint_listen_failure, EndpointFixture) {
    auto listening = tcp_server_endpoint(reactor, port->address())->listen(recorders());
    const auto error = failure_of<CannotListen>(listening);
    BOOST_TEST(says(error, port->address().str() + ": address already in use"));
}

BOOST_FIXTURE_TEST_CASE(connect_protocol_uses_the_given_one, EndpointFixture) {
    auto mine = std::make_shared<Recorder>();
    BOOST_TEST((reactor.run_until(connect_protocol(*endpoint, mine)) == mine));
}

BOOST_FIXTURE_TEST_CASE(host_name_resolution_failure, EndpointFixture) {
    BOOST_CHECK_THROW(reactor.run_until(tcp_client_endpoint(reactor, {"no..name", 80})->connect(recorders())),
                      NameNotFound);
}

BOOST_FIXTURE_TEST_CASE(host_name_endpoint_ipv4_and_ipv6, EndpointFixture) {
    const std::string there = ":" + std::to_string(port->address().port);
    for (const std::string text : {"tcp4:localhost", "tcp:localhost", "tcp:127.0.0.1"})
        reactor.run_until(client_from_string(reactor, text + there)->connect(recorders()));
    BOOST_CHECK_THROW(reactor.run_until(client_from_string(reactor, "tcp6:127.0.0.1" + there)->connect(recorders())),
                      ConnectError);
}

BOOST_FIXTURE_TEST_CASE(parser_tcp_with_timeout_and_bind_address, EndpointFixture) {
    auto parsed = client_from_string(reactor, "tcp:host=127.0.0.1:port=" + std::to_string(port->address().port) +
                                                  ":timeout=20:bind_address=127.0.0.6");
    BOOST_TEST(reactor.run_until(parsed->connect(recorders()))->transport().host().ip == "127.0.0.6");
}

BOOST_FIXTURE_TEST_CASE(parser_unknown_type, EndpointFixture) {
    BOOST_CHECK_THROW(client_from_string(reactor, "ftl:andromeda/carcosa/hali/2387"), BadEndpointString);
    BOOST_CHECK_THROW(server_from_string(reactor, "ftl:andromeda/carcosa/hali/2387"), BadEndpointString);
}

// --- ClientService

BOOST_FIXTURE_TEST_CASE(start_service, ClientServiceFixture) {
    server_up();
    auto service = make();
    BOOST_TEST(service->state() == State::init);
    service->start();
    BOOST_TEST(service->state() == State::connecting);
    BOOST_TEST(network.attempts() == 1u);
    network.flush();
    BOOST_TEST(service->state() == State::connected);
}

BOOST_FIXTURE_TEST_CASE(start_service_while_started, ClientServiceFixture) {
    auto service = make();
    service->start();
    service->start();
    BOOST_TEST(network.attempts() == 1u);
    network.flush();
    service->start();  // while waiting
    BOOST_TEST(network.attempts() == 1u);
    server_up();
    clock.advance(1s);
    network.flush();
    service->start();  // while connected
    BOOST_TEST(network.attempts() == 2u);
}

BOOST_FIXTURE_TEST_CASE(stop_service_while_connected, ClientServiceFixture) {
    auto service = make_connected();
    auto done = service->stop();
    BOOST_TEST(service->state() == State::disconnecting);
    no_result(done);
    network.flush();
    success_of(done);
    BOOST_TEST(service->state() == State::stopped);
    BOOST_TEST(clients[0]->story() == "made lost: done");
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_FIXTURE_TEST_CASE(stop_service_while_disconnected, ClientServiceFixture) {
    auto service = make();
    service->start();
    network.flush();
    BOOST_TEST(service->state() == State::waiting);
    success_of(service->stop());
    BOOST_TEST(clock.pending_calls() == 0u);
}

BOOST_FIXTURE_TEST_CASE(stop_service_while_connecting, ClientServiceFixture) {
    network.set_unresponsive(where, true);
    auto service = make();
    service->start();
    network.flush();
    success_of(service->stop());
    network.set_unresponsive(where, false);
    server_up();
    network.flush();
    BOOST_TEST(clients.at(0)->story() == "");
}

BOOST_FIXTURE_TEST_CASE(stop_service_never_started, ClientServiceFixture) {
    auto service = make();
    auto waits = service->when_connected();
    success_of(service->stop());
    failure_of<Cancelled>(waits);
    BOOST_TEST(service->state() == State::stopped);
}

BOOST_FIXTURE_TEST_CASE(stop_service_twice, ClientServiceFixture) {
    auto service = make_connected();
    auto one = service->stop();
    auto other = service->stop();
    network.flush();
    success_of(one);
    success_of(other);
    success_of(service->stop());
}

BOOST_FIXTURE_TEST_CASE(start_service_while_stopping, ClientServiceFixture) {
    auto service = make_connected();
    auto done = service->stop();
    service->start();
    BOOST_TEST(service->state() == State::restarting);
    auto waits = service->when_connected();
    no_result(done);
    network.flush();
    success_of(done);
    BOOST_TEST((success_of(waits) == clients.at(1)));
    BOOST_TEST(service->state() == State::connected);
}

BOOST_FIXTURE_TEST_CASE(stop_service_while_restarting, ClientServiceFixture) {
    auto service = make_connected();
    auto one = service->stop();
    service->start();
    auto other = service->stop();
    BOOST_TEST(service->state() == State::disconnecting);
    network.flush();
    success_of(one);
    success_of(other);
    BOOST_TEST(service->state() == State::stopped);
    BOOST_TEST(network.attempts() == 1u);
}

BOOST_FIXTURE_TEST_CASE(start_service_while_stopped, ClientServiceFixture) {
    auto service = make_connected();
    auto done = service->stop();
    network.flush();
    success_of(done);
    service->start();
    network.flush();
    BOOST_TEST(service->state() == State::connected);
}

BOOST_FIXTURE_TEST_CASE(client_connected, ClientServiceFixture) {
    auto service = make_connected();
    BOOST_TEST((success_of(service->when_connected()) == clients.at(0)));
}

BOOST_FIXTURE_TEST_CASE(client_connection_failed, ClientServiceFixture) {
    auto service = make();
    service->start();
    network.flush();
    BOOST_TEST(service->failures() == 1u);
    clock.advance(1s);
    BOOST_TEST(network.attempts() == 2u);
}

BOOST_FIXTURE_TEST_CASE(client_connection_lost, ClientServiceFixture) {
    auto service = make_connected();
    lose();
    BOOST_TEST(service->state() == State::waiting);
    BOOST_TEST(network.attempts() == 1u);  // not at once
    clock.advance(1s);
    network.flush();
    BOOST_TEST(service->state() == State::connected);
}

BOOST_FIXTURE_TEST_CASE(client_connection_lost_while_stopping, ClientServiceFixture) {
    auto service = make_connected();
    auto done = service->stop();
    lose();
    success_of(done);
    clock.advance(1h);
    BOOST_TEST(network.attempts() == 1u);
}

BOOST_FIXTURE_TEST_CASE(retry_cancelled, ClientServiceFixture) {
    auto service = make();
    service->start();
    network.flush();
    success_of(service->stop());
    clock.advance(1h);
    BOOST_TEST(network.attempts() == 1u);
}

BOOST_FIXTURE_TEST_CASE(when_connected_later, ClientServiceFixture) {
    server_up();
    auto service = make();
    auto before = service->when_connected();
    service->start();
    auto after = service->when_connected();
    no_result(before);
    network.flush();
    BOOST_TEST((success_of(before) == clients.at(0)));
    BOOST_TEST((success_of(after) == clients.at(0)));
}

BOOST_FIXTURE_TEST_CASE(when_connected_after_a_loss_gets_the_next_one, ClientServiceFixture) {
    auto service = make_connected();
    lose();
    auto next = service->when_connected();
    clock.advance(1s);
    network.flush();
    BOOST_TEST((success_of(next) == clients.at(1)));
}

BOOST_FIXTURE_TEST_CASE(when_connected_stop_service, ClientServiceFixture) {
    network.set_unresponsive(where, true);
    auto service = make();
    service->start();
    auto waits = service->when_connected();
    success_of(service->stop());
    failure_of<Cancelled>(waits);
    failure_of<Cancelled>(service->when_connected());
}

BOOST_FIXTURE_TEST_CASE(when_connected_fails_after_failures, ClientServiceFixture) {
    auto service = make();
    service->start();
    auto one = service->when_connected(1);
    auto two = service->when_connected(2);
    auto patient = service->when_connected();
    network.flush();
    failure_of<ConnectionRefused>(one);
    no_result(two);
    auto later = service->when_connected(1);  // counts from now on
    no_result(later);
    clock.advance(1s);
    network.flush();
    failure_of<ConnectionRefused>(two);
    failure_of<ConnectionRefused>(later);
    no_result(patient);
    server_up();
    clock.advance(2s);
    network.flush();
    success_of(patient);
}

BOOST_FIXTURE_TEST_CASE(prepare_connection_called_with_protocol, ClientServiceFixture) {
    std::vector<Protocol*> prepared;
    ClientServiceOptions options = plain();
    options.prepare_connection = [&](Protocol& protocol) {
        prepared.push_back(&protocol);
        return succeed();
    };
    auto service = make_connected(options);
    BOOST_TEST(prepared == std::vector<Protocol*>{clients.at(0).get()}, boost::test_tools::per_element());
    lose();
    clock.advance(1s);
    network.flush();
    BOOST_TEST(prepared.size() == 2u);
}

BOOST_FIXTURE_TEST_CASE(prepare_connection_returns_deferred, ClientServiceFixture) {
    Promise<> login;
    ClientServiceOptions options = plain();
    options.prepare_connection = [&](Protocol&) {
        auto [deferred, promise] = make_deferred<>();
        login = std::move(promise);
        return std::move(deferred);
    };
    auto service = make_connected(options);
    BOOST_TEST(service->state() == State::connecting);
    auto waits = service->when_connected();
    no_result(waits);
    login.callback();
    success_of(waits);
    BOOST_TEST(service->state() == State::connected);
}

BOOST_FIXTURE_TEST_CASE(prepare_connection_fails, ClientServiceFixture) {
    for (const bool throws : {false, true}) {
        const std::size_t before = network.attempts();
        int failures = 2;
        ClientServiceOptions options = plain();
        options.prepare_connection = [&](Protocol&) -> Deferred<> {
            if (failures-- == 0) return succeed();
            if (throws) throw Error("not welcome");
            return fail(Error("not welcome"));
        };
        auto service = make(options);
        server_up();
        service->start();
        auto waits = service->when_connected(2);
        network.flush();
        BOOST_TEST(service->state() == State::waiting);
        BOOST_TEST(network.open_connections() == 0u);
        clock.advance(1s);
        network.flush();
        BOOST_TEST(failure_of<Error>(waits).what() == "not welcome");
        BOOST_TEST(service->failures() == 2u);  // the count goes on
        clock.advance(2s);
        network.flush();
        BOOST_TEST(service->state() == State::connected);
        BOOST_TEST(service->failures() == 0u);
        BOOST_TEST(network.attempts() == before + 3);
        service.reset();
        network.flush();
    }
}

BOOST_FIXTURE_TEST_CASE(connection_lost_while_preparing, ClientServiceFixture) {
    bool cancelled = false;
    ClientServiceOptions options = plain();
    Promise<> login;
    options.prepare_connection = [&](Protocol&) {
        auto [deferred, promise] = make_deferred<>([&] { cancelled = true; });
        login = std::move(promise);
        return std::move(deferred);
    };
    auto service = make_connected(options);
    auto waits = service->when_connected(1);
    lose();
    failure_of<ConnectionLost>(waits);
    BOOST_TEST(cancelled);
    BOOST_TEST(service->state() == State::waiting);
}

BOOST_FIXTURE_TEST_CASE(stop_service_while_preparing, ClientServiceFixture) {
    bool cancelled = false;
    ClientServiceOptions options = plain();
    Promise<> login;
    options.prepare_connection = [&](Protocol&) {
        auto [deferred, promise] = make_deferred<>([&] { cancelled = true; });
        login = std::move(promise);
        return std::move(deferred);
    };
    auto service = make_connected(options);
    auto done = service->stop();
    BOOST_TEST(cancelled);
    no_result(done);
    network.flush();
    success_of(done);
    BOOST_TEST(network.open_connections() == 0u);
}
