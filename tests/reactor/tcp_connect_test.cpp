// Getting connected, or being told why not.
#define BOOST_TEST_MODULE tcp_connect
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>

#include "plait/deferred/errors.hpp"
#include "plait/reactor/endpoint.hpp"
#include "plait/reactor/names.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

/// TCP connections to `ip`, or to everywhere, fail with that error for as long as it lives.
class Unconnectable {
public:
    explicit Unconnectable(int error, std::string ip = {}) : error_(error), ip_(std::move(ip)) { current_ = this; }
    Unconnectable(const Unconnectable&) = delete;
    Unconnectable& operator=(const Unconnectable&) = delete;
    ~Unconnectable() { current_ = nullptr; }

    /// 0 for what is left to the system.
    static int error_for(int fd, const sockaddr* to) noexcept {
        int type = 0;
        socklen_t size = sizeof type;
        if (current_ == nullptr || to->sa_family != AF_INET) return 0;
        if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM) return 0;
        char ip[INET_ADDRSTRLEN] = {};
        ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(to)->sin_addr, ip, sizeof ip);
        return current_->ip_.empty() || current_->ip_ == ip ? current_->error_ : 0;
    }

private:
    inline static const Unconnectable* current_ = nullptr;
    int error_;
    std::string ip_;
};

}  // namespace

// In place of the C library's.
extern "C" int connect(int fd, const sockaddr* to, socklen_t size) {
    errno = Unconnectable::error_for(fd, to);
    return errno != 0 ? -1 : static_cast<int>(::syscall(SYS_connect, fd, to, size));
}

namespace {

/// Runs until it has failed, and returns the sentence. The failure has to be an E.
template <typename E, typename T>
std::string failure_of(Reactor& reactor, Deferred<T> deferred) {
    try {
        reactor.run_until(std::move(deferred));
    } catch (const E& error) {
        return error.what();
    }
    return "no failure at all";
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_refused_connection_says_where_and_why, TcpFixture) {
    const SilentPort silent;
    auto client = std::make_shared<Recorder>();
    auto attempt = connect_tcp(reactor, {"127.0.0.1", silent.address.port}, client);
    BOOST_TEST(!attempt.ready());
    const std::string sentence = failure_of<ConnectionRefused>(reactor, std::move(attempt));
    BOOST_TEST(sentence ==
               "cannot connect to " + silent.address.str() + ": connection refused; is the server running?");
    BOOST_TEST(client->story() == "");
}

BOOST_FIXTURE_TEST_CASE(a_named_host_has_every_address_in_the_sentence, TcpFixture) {
    const SilentPort silent;
    const std::string sentence = failure_of<ConnectError>(
        reactor, connect_tcp(reactor, {"localhost", silent.address.port}, std::make_shared<Recorder>()));
    BOOST_TEST(sentence.find("cannot connect to localhost:" + std::to_string(silent.address.port)) == 0U);
    BOOST_TEST(sentence.find(silent.address.str() + ": connection refused") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(localhost_is_tried_until_an_address_accepts, TcpFixture) {
    auto client = std::make_shared<Recorder>();
    const auto connected = reactor.run_until(connect_tcp(reactor, {"localhost", port->address().port}, client));
    BOOST_TEST((connected == client));
    BOOST_TEST(client->transport().peer().str() == port->address().str());
}

BOOST_FIXTURE_TEST_CASE(the_next_address_is_tried_when_one_refuses, TcpFixture) {
    // A name below localhost that no file knows is 127.0.0.1, then ::1.
    try {
        port = listen({"::1", 0});
    } catch (const CannotListen&) {
        BOOST_TEST_MESSAGE("no IPv6 loopback here");
        return;
    }
    auto client = std::make_shared<Recorder>();
    reactor.run_until(connect_tcp(reactor, {"next.localhost", port->address().port}, client));
    BOOST_TEST(client->transport().peer().str() == port->address().str());
}

BOOST_FIXTURE_TEST_CASE(no_answer_in_time_is_a_timeout, TcpFixture) {
    const FullPort full;
    ConnectOptions options;
    options.timeout = 50ms;
    const std::string sentence =
        failure_of<ConnectTimeout>(reactor, connect_tcp(reactor, full.where(), std::make_shared<Recorder>(), options));
    BOOST_TEST(sentence == "cannot connect to " + full.address.str() + ": no answer within 0.05 s");
}

BOOST_FIXTURE_TEST_CASE(a_failure_at_once_is_told_later, TcpFixture) {
    // The kernel refuses this address without sending anything.
    auto attempt = connect_tcp(reactor, {"255.255.255.255", 9}, std::make_shared<Recorder>());
    BOOST_TEST(!attempt.ready());
    BOOST_TEST(failure_of<ConnectError>(reactor, std::move(attempt)).find("cannot connect to 255.255.255.255:9") == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_name_that_is_none_is_not_found, TcpFixture) {
    auto attempt = connect_tcp(reactor, {"no..such..name", 80}, std::make_shared<Recorder>());
    BOOST_TEST(!attempt.ready());
    const std::string sentence = failure_of<NameNotFound>(reactor, std::move(attempt));
    BOOST_TEST(sentence.find("\"no..such..name\"") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(an_empty_name_is_not_found, TcpFixture) {
    const std::string sentence = failure_of<NameNotFound>(reactor, resolve(reactor, {"", 80}));
    BOOST_TEST(sentence.find("cannot find an address for \"\"") == 0U);
}

BOOST_FIXTURE_TEST_CASE(network_errors_are_errors, TcpFixture) {
    const SilentPort silent;
    BOOST_CHECK_THROW(
        reactor.run_until(connect_tcp(reactor, {"127.0.0.1", silent.address.port}, std::make_shared<Recorder>())),
        Error);
}

BOOST_FIXTURE_TEST_CASE(dropping_an_attempt_closes_it, TcpFixture) {
    const FullPort full;
    auto client = std::make_shared<Recorder>();
    const std::weak_ptr<Recorder> watched = client;
    {
        auto dropped = connect_tcp(reactor, full.where(), std::move(client));
        settle(reactor);
    }
    settle(reactor);
    BOOST_TEST(watched.expired());
}

BOOST_FIXTURE_TEST_CASE(cancelling_an_attempt_tells_its_chain, TcpFixture) {
    const FullPort full;
    auto attempt = connect_tcp(reactor, full.where(), std::make_shared<Recorder>());
    settle(reactor);
    attempt.cancel();
    BOOST_CHECK_THROW(reactor.run_until(std::move(attempt)), Cancelled);
}

BOOST_FIXTURE_TEST_CASE(an_attempt_dropped_before_the_first_turn_makes_nothing, TcpFixture) {
    auto client = std::make_shared<Recorder>();
    for (const char* host : {"127.0.0.1", "localhost", "no..such..name"})
        static_cast<void>(connect_tcp(reactor, {host, port->address().port}, client));
    settle(reactor);
    BOOST_TEST(client->story() == "");
}

BOOST_FIXTURE_TEST_CASE(connection_made_may_drop_the_attempt_it_belongs_to, TcpFixture) {
    prepare = echo;
    auto client = std::make_shared<Recorder>();
    Deferred<std::shared_ptr<Protocol>> attempt = connect_tcp(reactor, where(), client);
    client->when_made = [&](Recorder& r) {
        attempt = {};
        r.transport().write("made all the same");
    };
    wait([&] { return client->received == "made all the same"; });
}

BOOST_FIXTURE_TEST_CASE(connection_made_that_throws_fails_the_attempt, TcpFixture) {
    auto client = std::make_shared<Recorder>();
    client->when_made = [](Recorder&) { throw std::runtime_error("not ready"); };
    const std::string sentence = failure_of<std::runtime_error>(reactor, connect_tcp(reactor, where(), client));
    BOOST_TEST(sentence == "not ready");
    BOOST_TEST(client->story() == "made lost: other");
}

BOOST_FIXTURE_TEST_CASE(the_connector_connects_too, TcpFixture) {
    prepare = echo;
    auto client = std::make_shared<Recorder>();
    reactor.run_until(make_tcp_connector(reactor)->connect(where(), client));
    client->transport().write("hello");
    wait([&] { return client->received == "hello"; });
}

namespace {

/// Nobody outside is asked for names, and the one who is says nothing.
struct SilentNameServer {
    UniqueFd fd{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};

    explicit SilentNameServer(Reactor& reactor) {
        const auto any = plait::detail::to_socket_address({"127.0.0.1", 0});
        BOOST_REQUIRE(::bind(fd.get(), any->get(), any->size) == 0);
        NameOptions options;
        options.servers = {plait::detail::local_address(fd.get())};
        install_resolver(reactor, std::make_shared<NameResolver>(reactor, options));
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(destroying_the_reactor_fails_attempts_and_look_ups) {
    const FullPort full;
    auto reactor = std::make_unique<Reactor>();
    auto attempt = connect_tcp(*reactor, full.where(), std::make_shared<Recorder>());
    const SilentNameServer names(*reactor);
    auto look_up = resolve(*reactor, {"host.example", 1});
    auto at_once = resolve(*reactor, {"no..such..name", 1});
    settle(*reactor);
    reactor.reset();
    BOOST_CHECK_THROW(std::move(attempt).take().value(), ConnectError);
    BOOST_TEST(look_up.ready());
    BOOST_CHECK_THROW(std::move(look_up).take().value(), NameError);
    BOOST_CHECK_THROW(std::move(at_once).take().value(), NameNotFound);
}

// --- names

BOOST_FIXTURE_TEST_CASE(localhost_is_this_machine, TcpFixture) {
    for (const char* name : {"localhost", "LocalHost", "localhost.", "db.localhost"}) {
        const auto found = reactor.run_until(resolve(reactor, {name, 2181}));
        BOOST_TEST(!found.empty());
        for (const Address& address : found) {
            BOOST_TEST((address.ip.starts_with("127.") || address.ip == "::1"));
            BOOST_TEST(address.port == 2181);
        }
    }
}

BOOST_FIXTURE_TEST_CASE(numeric_hosts_need_no_look_up, TcpFixture) {
    for (const char* host : {"10.1.2.3", "::1", "fe80::1%1"}) {
        auto found = resolve(reactor, {host, 5});
        BOOST_REQUIRE(found.ready());
        const auto addresses = std::move(found).take().value();
        BOOST_TEST(addresses.size() == 1U);
        BOOST_TEST(addresses[0].ip == host);
        BOOST_TEST(addresses[0].port == 5);
    }
}

BOOST_FIXTURE_TEST_CASE(an_outcome_known_at_once_is_told_later, TcpFixture) {
    auto missing = resolve(reactor, {"no..such..name", 1});
    auto here = resolve(reactor, {"localhost", 1});
    BOOST_TEST(!missing.ready());
    BOOST_TEST(!here.ready());
    BOOST_CHECK_THROW(reactor.run_until(std::move(missing)), NameNotFound);
    reactor.run_until(std::move(here));
}

BOOST_FIXTURE_TEST_CASE(a_look_up_can_be_dropped_and_cancelled_at_any_time, TcpFixture) {
    const SilentNameServer names(reactor);
    for (const bool let_it_start : {false, true}) {
        const auto told = std::make_shared<bool>(false);
        const auto note = [told](const Failure&) {
            *told = true;
            return std::vector<Address>();
        };
        auto dropped = resolve(reactor, {"host.example", 1}).add_errback(note);
        auto cancelled = resolve(reactor, {"other.example", 1}).add_errback(note);
        if (let_it_start) settle(reactor);
        dropped = {};
        cancelled.cancel();
        BOOST_TEST(cancelled.ready());
        BOOST_TEST(*told);
        *told = false;
        settle(reactor);
        BOOST_TEST(!*told);
    }
}

// --- several addresses at once

namespace {

/// Answers with what it was given, piece by piece, and then ends or does not.
struct PiecesResolver final : Resolver {
    explicit PiecesResolver(Reactor& r) : reactor(r) {}

    Deferred<> look_up(const std::string&, AddressFamily asked, Found found) override {
        family = asked;
        for (auto& [delay, ips] : pieces)
            calls.push_back(reactor.call_later(delay, [&, some = ips] { tell(some); }));
        tell = std::move(found);
        auto [deferred, promise] = make_deferred<>([this] {
            dropped = true;
            calls.clear();
        });
        done = std::move(promise);
        if (ends)
            calls.push_back(reactor.call_later(
                30ms, [this] { fails ? done.errback(NameServerFailed("the other half")) : done.callback(); }));
        return std::move(deferred);
    }
    Deferred<std::vector<ServiceRecord>> look_up_service(const std::string&) override {
        return succeed(std::vector<ServiceRecord>());
    }

    Reactor& reactor;
    std::vector<std::pair<Duration, std::vector<std::string>>> pieces;
    bool ends = true;
    bool fails = false;
    bool dropped = false;
    AddressFamily family = AddressFamily::any;
    std::vector<DelayedCall> calls;
    Found tell;
    Promise<> done;
};

struct RaceFixture : TcpFixture {
    std::shared_ptr<PiecesResolver> names = [this] {
        auto made = std::make_shared<PiecesResolver>(reactor);
        install_resolver(reactor, made);
        return made;
    }();
    std::shared_ptr<Recorder> client = std::make_shared<Recorder>();
    ConnectOptions options;

    auto connect_by_name(std::uint16_t number) { return connect_tcp(reactor, {"db.example", number}, client, options); }
    std::string winner() { return client->transport().peer().ip; }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(an_address_is_used_before_the_look_up_has_ended, RaceFixture) {
    names->pieces = {{0ms, {"127.0.0.1"}}};
    names->ends = false;
    options.resolution_delay = 1ms;
    reactor.run_until(connect_by_name(port->address().port));
    BOOST_TEST(winner() == "127.0.0.1");
    BOOST_TEST(names->dropped);
}

BOOST_FIXTURE_TEST_CASE(a_refusal_leads_to_the_next_address_at_once, RaceFixture) {
    // Nobody listens on the first two, and the last comes late.
    names->pieces = {{0ms, {"127.0.0.2", "127.0.0.3"}}, {10ms, {"127.0.0.1"}}};
    options.attempt_delay = 1h;
    options.resolution_delay = 0ms;
    reactor.run_until(connect_by_name(port->address().port));
    BOOST_TEST(winner() == "127.0.0.1");
}

BOOST_FIXTURE_TEST_CASE(an_address_without_answer_is_overtaken, RaceFixture) {
    const FullPort full;  // 127.0.0.1 does not answer at this port, 127.0.0.2 does
    const auto other = listen({"127.0.0.2", full.address.port});
    names->pieces = {{0ms, {"127.0.0.1", "127.0.0.2"}}};
    options.attempt_delay = 20ms;
    const TimePoint before = reactor.now();
    reactor.run_until(connect_by_name(full.address.port));
    BOOST_TEST(winner() == "127.0.0.2");
    BOOST_TEST((reactor.now() - before >= 20ms));
    BOOST_TEST(client->story() == "made");
}

BOOST_FIXTURE_TEST_CASE(a_failure_names_every_address_and_its_cause, RaceFixture) {
    const SilentPort silent;
    names->pieces = {{0ms, {"127.0.0.1", "127.0.0.2"}}};
    const std::string number = std::to_string(silent.address.port);
    BOOST_TEST(failure_of<ConnectionRefused>(reactor, connect_by_name(silent.address.port)) ==
               "cannot connect to db.example:" + number + ": 127.0.0.1:" + number +
                   ": connection refused, 127.0.0.2:" + number + ": connection refused; is the server running?");
}

BOOST_FIXTURE_TEST_CASE(a_timeout_names_who_did_not_answer, RaceFixture) {
    const FullPort full;
    names->pieces = {{0ms, {"127.0.0.2", "127.0.0.1"}}};
    options.attempt_delay = 1ms;
    options.timeout = 120ms;
    const std::string sentence = failure_of<ConnectTimeout>(reactor, connect_by_name(full.address.port));
    BOOST_TEST(sentence.find("no answer within 0.12 s from 127.0.0.1:") != std::string::npos);
    BOOST_TEST(sentence.find("; before that, 127.0.0.2:") != std::string::npos);
    names->pieces.clear();
    names->ends = false;
    BOOST_TEST(failure_of<ConnectTimeout>(reactor, connect_by_name(1)).find("while looking up the name") !=
               std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_name_without_addresses_is_a_failure, RaceFixture) {
    BOOST_TEST(failure_of<NameNotFound>(reactor, connect_by_name(1)).find("has no address") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(losers_are_closed, RaceFixture) {
    const FullPort full;
    const auto other = listen({"127.0.0.2", full.address.port});
    std::size_t descriptors = 0;
    for (int round = 0; round < 3; ++round) {
        client = std::make_shared<Recorder>();
        names->pieces = {{0ms, {"127.0.0.1", "127.0.0.2"}}};
        options.attempt_delay = 5ms;
        reactor.run_until(connect_by_name(full.address.port));
        client->transport().abort_connection();
        wait_lost(*client);
        wait([&] { return served.back()->reason.has_value(); });
        settle(reactor);
        const UniqueFd next(::dup(0));  // the lowest number that is free
        if (round == 0) descriptors = static_cast<std::size_t>(next.get());
        BOOST_TEST(static_cast<std::size_t>(next.get()) == descriptors);
    }
}

BOOST_FIXTURE_TEST_CASE(an_unreachable_network_or_host_is_no_route, RaceFixture) {
    for (const int error : {ENETUNREACH, EHOSTUNREACH, ENETDOWN, EHOSTDOWN}) {
        const Unconnectable every(error);
        names->pieces = {{0ms, {"198.51.100.1", "198.51.100.2"}}};
        const std::string text = plait::detail::error_text(error);
        BOOST_TEST(failure_of<NoRoute>(reactor, connect_by_name(9)) ==
                   "cannot connect to db.example:9: 198.51.100.1:9: " + text + ", 198.51.100.2:9: " + text);
        BOOST_TEST(failure_of<NoRoute>(reactor, connect_tcp(reactor, {"198.51.100.1", 9}, client, options)) ==
                   "cannot connect to 198.51.100.1:9: " + text);
        BOOST_TEST(client->story() == "");
    }
}

BOOST_FIXTURE_TEST_CASE(no_route_is_said_only_if_no_address_refused, RaceFixture) {
    const SilentPort silent;  // refuses: it does not listen
    const Unconnectable first(EHOSTUNREACH, "198.51.100.1");
    names->pieces = {{0ms, {"198.51.100.1", "127.0.0.1"}}};
    const std::string text = failure_of<ConnectionRefused>(reactor, connect_by_name(silent.address.port));
    BOOST_TEST(text.find(plait::detail::error_text(EHOSTUNREACH)) != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(the_local_address_can_be_chosen, RaceFixture) {
    options.bind_address = Address{"127.0.0.5", 0};
    reactor.run_until(connect_tcp(reactor, where(), client, options));
    BOOST_TEST(client->transport().host().ip == "127.0.0.5");
    names->pieces = {{0ms, {"127.0.0.1"}}};
    client = std::make_shared<Recorder>();
    reactor.run_until(connect_by_name(port->address().port));
    BOOST_TEST((names->family == AddressFamily::ipv4));
}

BOOST_FIXTURE_TEST_CASE(a_local_address_that_is_not_ours_is_a_failure, RaceFixture) {
    options.bind_address = Address{"192.0.2.1", 0};
    const std::string sentence = failure_of<ConnectBindError>(reactor, connect_tcp(reactor, where(), client, options));
    BOOST_TEST(sentence.find("cannot use 192.0.2.1:0 for this end: ") != std::string::npos);
    options.bind_address = Address{"here", 0};
    failure_of<ConnectBindError>(reactor, connect_tcp(reactor, where(), client, options));
    options.bind_address = port->address();  // busy
    BOOST_TEST(failure_of<ConnectBindError>(reactor, connect_tcp(reactor, {"127.0.0.2", 9}, client, options))
                   .find("address already in use") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_look_up_that_fails_in_part_does_not_harm_what_it_found, RaceFixture) {
    names->pieces = {{0ms, {"127.0.0.1"}}};
    names->fails = true;
    options.resolution_delay = 1h;
    reactor.run_until(connect_by_name(port->address().port));
    BOOST_TEST(winner() == "127.0.0.1");
}

BOOST_FIXTURE_TEST_CASE(addresses_of_a_family_that_is_not_wanted_are_not_used, RaceFixture) {
    names->pieces = {{0ms, {"127.0.0.1"}}};
    options.family = AddressFamily::ipv6;
    failure_of<ConnectError>(reactor, connect_by_name(port->address().port));
    BOOST_TEST(client->story() == "");
}

BOOST_FIXTURE_TEST_CASE(two_that_answer_at_once_make_one_connection, RaceFixture) {
    const auto other = listen({"127.0.0.2", port->address().port});
    names->pieces = {{0ms, {"127.0.0.1", "127.0.0.2"}}};
    options.attempt_delay = 0ms;
    options.resolution_delay = 0ms;
    reactor.run_until(connect_by_name(port->address().port));
    settle(reactor);
    BOOST_TEST(client->story() == "made");
}

BOOST_FIXTURE_TEST_CASE(an_attempt_dropped_by_its_factory_makes_nothing, RaceFixture) {
    const auto endpoint = tcp_client_endpoint(reactor, where());
    Deferred<std::shared_ptr<Protocol>> attempt;
    attempt = endpoint->connect(make_factory([&](const Address&) {
        attempt = {};
        return client;
    }));
    wait([&] { return client.use_count() == 1 && !attempt.valid() && !served.empty(); });
    wait_lost(*served.back());
    BOOST_TEST(client->story() == "");
}

BOOST_FIXTURE_TEST_CASE(nothing_is_connected_while_the_reactor_is_being_destroyed, RaceFixture) {
    auto other = std::make_unique<Reactor>();
    Reactor& dying = *other;
    Deferred<std::shared_ptr<Protocol>> late;
    Deferred<std::vector<Address>> late_name;
    Deferred<> late_look_up;
    client->when_lost = [&](Recorder&) {
        late = connect_tcp(dying, where(), std::make_shared<Recorder>());
        late_name = resolve(dying, {"db.example", 1});
        late_look_up = NameResolver(dying).look_up("db.example", AddressFamily::any, [](const auto&) {});
    };
    dying.run_until(connect_tcp(dying, where(), client));
    other.reset();
    BOOST_REQUIRE(late.ready());
    BOOST_CHECK_EXCEPTION(std::move(late).take().value(), ConnectError,
                          [](const ConnectError& error) { return says(error, "is being destroyed"); });
    BOOST_CHECK_THROW(std::move(late_name).take().value(), NameError);
    BOOST_CHECK_EXCEPTION(std::move(late_look_up).take().value(), NameError,
                          [](const NameError& error) { return says(error, "is being destroyed"); });
}

BOOST_FIXTURE_TEST_CASE(the_same_port_on_another_address_is_not_itself, RaceFixture) {
    options.bind_address = Address{"127.0.0.5", port->address().port};
    reactor.run_until(connect_tcp(reactor, where(), client, options));
    BOOST_TEST(client->story() == "made");
}

BOOST_FIXTURE_TEST_CASE(a_call_that_meets_itself_is_refused, RaceFixture) {
    // TCP allows it: both ends of the connection are this one socket.
    const std::uint16_t number = SilentPort().address.port;
    for (const char* self : {"127.0.0.1", "::1"}) {
        options.bind_address = Address{self, number};
        for (const char* spelling : {self, self[0] == ':' ? "0:0::1" : "0.0.0.0"}) {
            auto attempt = connect_tcp(reactor, {spelling, number}, client, options);
            BOOST_CHECK_THROW(reactor.run_until(std::move(attempt)), ConnectError);
            BOOST_TEST(client->story() == "", spelling);
        }
    }
}

BOOST_FIXTURE_TEST_CASE(a_race_can_be_dropped_and_cancelled_at_any_time, RaceFixture) {
    const FullPort full;
    names->pieces = {{0ms, {"127.0.0.1"}}, {2ms, {"127.0.0.2", "127.0.0.3"}}};
    options.attempt_delay = 1ms;
    for (int turns = 0; turns < 4; ++turns) {
        auto dropped = connect_by_name(full.address.port);
        for (int turn = 0; turn < turns; ++turn)
            reactor.run_until(reactor.sleep(1ms));
        dropped = {};
        auto cancelled = connect_by_name(full.address.port);
        for (int turn = 0; turn < turns; ++turn)
            reactor.run_until(reactor.sleep(1ms));
        cancelled.cancel();
        BOOST_CHECK_THROW(reactor.run_until(std::move(cancelled)), Cancelled);
        settle(reactor);
    }
    BOOST_TEST(client.use_count() == 1);
}
