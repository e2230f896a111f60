// Factories that throw when a port is started again, or a service connects again: what is left of it, and how it goes
// on.
#define BOOST_TEST_MODULE factory
#include <boost/test/unit_test.hpp>
#include <functional>
#include <optional>

#include "plait/tests/reactor/client_service_fixture.hpp"
#include "plait/tests/reactor/unix_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;
using State = ClientService::State;

namespace {

struct Moody final : Factory {
    bool throws = false;
    std::string told;

    std::shared_ptr<Protocol> build_protocol(const Address&) override {
        if (throws) throw Error("no protocol today");
        return std::make_shared<Recorder>();
    }
    void start_factory() override {
        told += "start ";
        if (throws) throw Error("not today");
    }
    void stop_factory() override { told += "stop "; }
};

std::string what_restarting_throws(ListeningPort& port) {
    try {
        port.start_listening();
    } catch (const Error& error) {
        return error.what();
    }
    return "nothing";
}

/// A port whose factory throws when it is started again; `listen` opens one at an address, or at any.
template <typename Listen>
void check_a_restart_that_fails(Listen listen) {
    const auto factory = std::make_shared<Moody>();
    const auto port = listen(std::optional<Address>(), factory);
    const Address where = port->address();
    port->stop_listening();
    const std::size_t before = open_descriptors();
    factory->throws = true;
    for (const int time : {1, 2})
        BOOST_TEST(what_restarting_throws(*port) == "not today", time);
    BOOST_TEST(open_descriptors() == before);
    // the address is free, and stays with whoever takes it
    auto other = listen(std::optional(where), std::make_shared<Moody>());
    factory->throws = false;
    BOOST_CHECK_THROW(port->start_listening(), CannotListen);
    other.reset();
    port->start_listening();
    BOOST_TEST(port->address().str() == where.str());
    port->stop_listening();
    // what did not start is not stopped; nor is the factory of a port that found its address taken
    BOOST_TEST(factory->told == "start stop start start start stop ");
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_tcp_port_whose_factory_throws_on_a_restart_stays_stopped_and_may_start_later, UnixFixture) {
    check_a_restart_that_fails([this](const std::optional<Address>& where, std::shared_ptr<Factory> factory) {
        return listen_tcp(reactor, where.value_or(Address{"127.0.0.1", 0}), std::move(factory));
    });
}

BOOST_FIXTURE_TEST_CASE(so_does_a_unix_port_which_leaves_no_file, UnixFixture) {
    const std::string other = path + ".other";
    check_a_restart_that_fails([&](const std::optional<Address>& where, std::shared_ptr<Factory> factory) {
        BOOST_TEST(!std::filesystem::exists(other));
        return listen_unix(reactor, where ? where->ip : other, std::move(factory));
    });
    BOOST_TEST(!std::filesystem::exists(other));
}

BOOST_FIXTURE_TEST_CASE(a_factory_may_destroy_or_stop_its_port_while_that_is_started_again, UnixFixture) {
    struct Ending final : Factory {
        std::function<void()> end = [] {};

        std::shared_ptr<Protocol> build_protocol(const Address&) override { return nullptr; }
        void start_factory() override { end(); }
    };
    const auto factory = std::make_shared<Ending>();
    auto tcp = listen_tcp(reactor, {"127.0.0.1", 0}, factory);
    const Address where = tcp->address();
    tcp->stop_listening();
    const std::size_t before = open_descriptors();
    factory->end = [&] { tcp->stop_listening(); };
    tcp->start_listening();
    BOOST_TEST(open_descriptors() == before);
    factory->end = [&] { tcp.reset(); };
    tcp->start_listening();
    BOOST_TEST(!tcp);
    BOOST_TEST(open_descriptors() == before);
    listen_tcp(reactor, where, std::make_shared<Moody>());
}

BOOST_FIXTURE_TEST_CASE(an_endpoint_fails_with_what_its_factory_throws_and_does_not_listen, UnixFixture) {
    const auto factory = std::make_shared<Moody>();
    factory->throws = true;
    const std::string free = path + ".free";
    const auto endpoint = unix_server_endpoint(reactor, free);
    BOOST_TEST(std::string_view(failure_of<Error>(endpoint->listen(factory)).what()) == "not today");
    BOOST_TEST(!std::filesystem::exists(free));
    const auto tcp = tcp_server_endpoint(reactor, {"127.0.0.1", 0});
    BOOST_TEST(std::string_view(failure_of<Error>(tcp->listen(factory)).what()) == "not today");
    factory->throws = false;
    success_of(endpoint->listen(factory));
    success_of(tcp->listen(factory));
    BOOST_TEST(factory->told == "start start start stop start stop ");
}

BOOST_FIXTURE_TEST_CASE(a_service_counts_a_factory_that_throws_on_a_reconnection_as_a_failed_attempt,
                        ClientServiceFixture) {
    auto service = make_connected();
    prepare = [](Recorder&) { throw Error("no protocol today"); };
    lose();
    BOOST_TEST(service->failures() == 1u);
    auto waits = service->when_connected(2);
    for (const Duration delay : {1s, 2s}) {  // the delays grow
        clock.advance(delay - 1ns);
        BOOST_TEST(!waits.ready());
        clock.advance(1ns);
        network.flush();
        BOOST_TEST((service->state() == State::waiting));
    }
    BOOST_TEST(service->failures() == 3u);
    BOOST_TEST(std::string_view(failure_of<Error>(waits).what()) == "no protocol today");
    prepare = [](Recorder&) {};
    clock.advance(4s);
    network.flush();
    BOOST_TEST((service->state() == State::connected));
    BOOST_TEST(service->failures() == 0u);
}

BOOST_FIXTURE_TEST_CASE(so_it_is_when_a_stopped_service_is_started_again, ClientServiceFixture) {
    auto service = make_connected();
    auto stopped = service->stop();
    network.flush();
    success_of(stopped);
    prepare = [](Recorder&) { throw Error("no protocol today"); };
    service->start();
    BOOST_TEST((service->state() == State::waiting));
    prepare = [](Recorder&) {};
    clock.advance(1s);
    network.flush();
    BOOST_TEST((service->state() == State::connected));
}

BOOST_FIXTURE_TEST_CASE(a_restart_that_fails_while_stopping_does_not_keep_who_waits_for_the_stop,
                        ClientServiceFixture) {
    auto service = make_connected();
    auto stopped = service->stop();
    service->start();
    BOOST_TEST((service->state() == State::restarting));
    prepare = [](Recorder&) { throw Error("no protocol today"); };
    network.flush();
    success_of(stopped);
    BOOST_TEST((service->state() == State::waiting));
    BOOST_TEST(clock.pending_calls() == 1u);
}

BOOST_FIXTURE_TEST_CASE(what_is_for_ports_is_not_called_by_a_service, ClientServiceFixture) {
    const auto moody = std::make_shared<Moody>();
    server_up();
    ClientService service(clock, connector_endpoint(network.connector(), where), moody, plain());
    service.start();
    network.flush();
    BOOST_TEST((service.state() == State::connected));
    auto stopped = service.stop();
    network.flush();
    success_of(stopped);
    BOOST_TEST(moody->told == "");
}
