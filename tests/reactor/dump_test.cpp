// What a reactor says it waits for: each kind of thing by what it is, never by the name of a class of ours.
#define BOOST_TEST_MODULE dump
#include <csignal>
#include <future>
#include <sstream>
#include <string>

#include <boost/test/unit_test.hpp>

#include "plait/deferred/type_name.hpp"
#include "plait/reactor/names.hpp"
#include "plait/reactor/protocols/timeout_factory.hpp"
#include "plait/reactor/protocols/traffic_log.hpp"
#include "plait/reactor/thread_pool.hpp"
#include "plait/reactor/threads.hpp"
#include "plait/tests/reactor/dns_server.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"

namespace plait::testing {
namespace {

using namespace std::chrono_literals;

bool lists(const std::string& dump, const std::string& wanted) {
    std::istringstream lines(dump);
    for (std::string line; std::getline(lines, line);)
        if (line == "  " + wanted) return true;
    return false;
}

/// Looks names up at a server of ours, and knows nothing else.
struct Named {
    Reactor reactor;
    DnsServer dns{reactor};

    Named() {
        NameOptions options;
        options.servers = {dns.address()};
        options.search = std::vector<std::string>();
        options.hosts_file.clear();
        install_resolver(reactor, std::make_shared<NameResolver>(reactor, options));
    }
};

BOOST_AUTO_TEST_CASE(a_dump_names_what_is_open_and_when_the_next_call_is_due) {
    TcpFixture world;
    const auto client = world.connect_and_accept();
    const DelayedCall later = world.reactor.call_later(90s, [] {});
    const std::string text = world.reactor.dump();
    BOOST_TEST(text.find("a port that listens on " + world.port->address().str()) != std::string::npos, text);
    BOOST_TEST(text.find("a connection to " + world.port->address().str()) != std::string::npos, text);
    BOOST_TEST(text.find("1 timed call, the first due in ") != std::string::npos, text);
}

BOOST_AUTO_TEST_CASE(a_dump_of_an_idle_reactor_says_so) {
    Reactor reactor;
    BOOST_TEST(reactor.dump() == "this reactor waits for nothing: no timed calls, nothing open\n");
}

BOOST_AUTO_TEST_CASE(an_attempt_to_connect_is_named_by_where_to) {
    Reactor reactor;
    const FullPort full;
    const auto connecting = connect_tcp(reactor, full.where(), std::make_shared<Recorder>());
    BOOST_TEST(lists(reactor.dump(), "an attempt to connect to " + full.where().str()), reactor.dump());
}

BOOST_FIXTURE_TEST_CASE(a_look_up_and_the_attempt_that_waits_for_it_are_named_by_the_name, Named) {
    dns.mood = DnsServer::Mood::is_silent;
    const auto connecting = connect_tcp(reactor, {"db.example", 2181}, std::make_shared<Recorder>());
    const std::string text = reactor.dump();
    BOOST_TEST(lists(text, "an attempt to connect to db.example:2181, whose name is being looked up"), text);
    BOOST_TEST(lists(text, "a look-up of db.example"), text);
}

BOOST_FIXTURE_TEST_CASE(an_attempt_that_knows_the_address_says_which, Named) {
    const FullPort full;
    dns.a("db.example", "127.0.0.1");
    const HostPort where{"db.example", full.address.port};
    const auto connecting = connect_tcp(reactor, where, std::make_shared<Recorder>(), {.family = AddressFamily::ipv4});
    const std::string wanted = "an attempt to connect to " + where.str() + " at " + full.address.str();
    run_until(reactor, [&] { return lists(reactor.dump(), wanted); });
}

BOOST_AUTO_TEST_CASE(a_name_that_needs_no_server_is_a_look_up_until_it_is_known) {
    Reactor reactor;
    const auto looking = resolve(reactor, {"localhost", 1});
    BOOST_TEST(lists(reactor.dump(), "a look-up of localhost"), reactor.dump());
}

BOOST_AUTO_TEST_CASE(work_in_a_thread_is_named_by_who_asked_for_it) {
    Reactor reactor;
    std::promise<void> go_on;
    const std::shared_future<void> going_on = go_on.get_future().share();
    const SourceLocation here = SourceLocation::current();
    {
        const auto known = defer_to_thread(reactor, [going_on] { going_on.wait(); }, here);
        const auto unknown = defer_to_thread(reactor, [going_on] { going_on.wait(); }, SourceLocation());
        const std::string text = reactor.dump();
        const std::string place = std::string(here.file_name()) + ":" + std::to_string(here.line());
        BOOST_TEST(lists(text, "work in a thread, asked for at " + place), text);
        BOOST_TEST(lists(text, "work in a thread"), text);
    }
    go_on.set_value();
}

BOOST_AUTO_TEST_CASE(a_connection_is_named_by_its_protocol_also_in_wrappers) {
    TcpFixture world;
    const auto server = std::make_shared<Recorder>();
    const auto factory = make_factory([server](const Address&) { return server; });
    const auto wrapped = std::make_shared<TimeoutFactory>(world.reactor, factory);
    const auto port = listen_tcp(world.reactor, {"127.0.0.1", 0},
                                 std::make_shared<TrafficLoggingFactory>(wrapped, [](const TrafficEvent&) {}));
    const RawPeer peer(port->address());
    world.wait([&] { return server->connected(); });
    const std::string wanted =
        "a connection to " + server->transport().peer().str() + " of " + readable_name(typeid(Recorder));
    BOOST_TEST(lists(world.reactor.dump(), wanted), world.reactor.dump());
}

BOOST_AUTO_TEST_CASE(subscriptions_to_signals_are_listed_while_they_last) {
    Reactor reactor;
    {
        const SignalSubscription one = reactor.on_signal(SIGUSR1, [](int) {});
        const SignalSubscription two = reactor.on_signal(SIGRTMIN + 1, [](int) {});
        const std::string text = reactor.dump();
        BOOST_TEST(lists(text, "a subscription to SIGUSR1"), text);
        BOOST_TEST(lists(text, "a subscription to signal " + std::to_string(SIGRTMIN + 1)), text);
    }
    BOOST_TEST(reactor.dump() == "this reactor waits for nothing: no timed calls, nothing open\n");
}

}  // namespace
}  // namespace plait::testing
