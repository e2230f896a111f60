// UNIX stream sockets: paths, stale and busy ones, and who may connect.
#define BOOST_TEST_MODULE unix_sockets
#include "plait/reactor/unix.hpp"

#include <sys/wait.h>

#include <boost/test/unit_test.hpp>

#include "plait/deferred/testing/outcomes.hpp"
#include "plait/tests/reactor/unix_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

/// A socket file that nobody listens at any more.
void leave_behind(const std::string& path) {
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    path.copy(where.sun_path, sizeof where.sun_path - 1);
    BOOST_REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0);
}

/// Somebody listens at `path` with room for one, and takes nobody.
UniqueFd listen_silently(const std::string& path) {
    UniqueFd silent(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    path.copy(where.sun_path, sizeof where.sun_path - 1);
    BOOST_REQUIRE(::bind(silent.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0);
    BOOST_REQUIRE(::listen(silent.get(), 0) == 0);
    return silent;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(bytes_go_there_and_back_and_both_ends_have_names, UnixFixture) {
    auto client = connect();
    client->transport().write("hello");
    wait([&] { return served[0]->story == "made hello"; });
    served[0]->transport().write("world");
    wait([&] { return client->story == "made world"; });
    BOOST_TEST(client->transport().peer().str() == path);
    BOOST_TEST(served[0]->transport().host().str() == path);
    BOOST_TEST(served[0]->transport().peer().str() == "a client of " + path);
    BOOST_TEST(port->address().str() == path);
}

BOOST_FIXTURE_TEST_CASE(a_large_transfer_arrives_whole_and_is_counted, UnixFixture) {
    auto client = std::make_shared<Recorder>();
    reactor.run_until(connect_unix(reactor, path, client));
    const std::string text = numbered(3'000'000);
    wait([&] { return served.size() == 1; });
    served[0]->transport().write(text);
    wait([&] { return client->received.size() == text.size(); });
    BOOST_TEST((client->received == text));
    BOOST_TEST(client->transport().bytes_received() == text.size());
    BOOST_TEST(served[0]->transport().bytes_sent() == text.size());
}

BOOST_FIXTURE_TEST_CASE(last_words_arrive_although_the_peers_own_were_not_read, UnixFixture) {
    auto client = std::make_shared<Recorder>();
    reactor.run_until(connect_unix(reactor, path, client));
    wait([&] { return served.size() == 1; });
    served[0]->transport().pause_producing();
    client->transport().write("a request that nobody reads");
    settle(reactor);
    served[0]->transport().write("too large");
    served[0]->transport().lose_connection();
    wait([&] { return client->reason.has_value(); });
    BOOST_TEST(client->received == "too large");
    BOOST_TEST(client->story() == "made data end lost: done");
}

BOOST_FIXTURE_TEST_CASE(the_kernel_tells_who_the_peer_is, UnixFixture) {
    auto client = connect();
    const auto who = served[0]->unix_transport().peer_credentials();
    BOOST_REQUIRE(who.has_value());
    BOOST_TEST(who->pid == ::getpid());
    BOOST_TEST(who->uid == ::getuid());
    BOOST_TEST(who->gid == ::getgid());
}

BOOST_FIXTURE_TEST_CASE(unix_transport_is_harmless_without_a_connection_and_refused_over_tcp, UnixFixture) {
    auto lost = std::make_shared<UnixRecorder>();
    lost->unix_transport().send_descriptor(file("x"));
    BOOST_TEST(!lost->unix_transport().peer_credentials().has_value());
    const auto tcp = listen_tcp(reactor, {"127.0.0.1", 0}, factory());
    auto client = std::make_shared<UnixRecorder>();
    reactor.run_until(connect_tcp(reactor, {"127.0.0.1", tcp->address().port}, client));
    BOOST_CHECK_THROW(client->unix_transport(), UsageError);
}

// --- paths

BOOST_FIXTURE_TEST_CASE(the_file_has_the_mode_asked_for_and_goes_when_the_port_stops, UnixFixture) {
    const std::string other = directory.path() / "other";
    const auto private_port = listen(other, {.mode = 0600});
    struct stat about{};
    BOOST_REQUIRE(::stat(other.c_str(), &about) == 0);
    BOOST_TEST((about.st_mode & 0777) == 0600U);
    BOOST_REQUIRE(::stat(path.c_str(), &about) == 0);
    BOOST_TEST((about.st_mode & 0777) == 0666U);
    private_port->stop_listening();
    BOOST_TEST(!std::filesystem::exists(other));
    port.reset();
    BOOST_TEST(!std::filesystem::exists(path));
}

BOOST_FIXTURE_TEST_CASE(a_path_in_use_is_refused_and_left_alone, UnixFixture) {
    BOOST_CHECK_EXCEPTION(listen(path), CannotListen, [&](const CannotListen& error) {
        return says(error, "cannot listen on " + path) && says(error, "another program listens there");
    });
    BOOST_CHECK_EXCEPTION(listen(path, {.remove_stale = false}), CannotListen,
                          [&](const CannotListen& error) { return says(error, "address already in use"); });
    connect();
}

BOOST_FIXTURE_TEST_CASE(a_listener_that_takes_no_lock_is_left_alone_too, UnixFixture) {
    const std::string other = directory.path() / "other";
    const auto without_lock = listen(other, {.remove_stale = false});
    BOOST_CHECK_EXCEPTION(listen(other), CannotListen,
                          [](const CannotListen& error) { return says(error, "another program listens there"); });
    BOOST_TEST(std::filesystem::exists(other));
}

BOOST_FIXTURE_TEST_CASE(a_socket_left_behind_is_replaced, UnixFixture) {
    const std::string stale = directory.path() / "stale";
    leave_behind(stale);
    BOOST_CHECK_THROW(listen(stale, {.remove_stale = false}), CannotListen);
    port.reset();
    path = stale;
    port = listen(stale);
    connect();
}

BOOST_FIXTURE_TEST_CASE(a_socket_left_by_a_killed_program_is_replaced, UnixFixture) {
    const std::string stale = directory.path() / "stale";
    const pid_t child = ::fork();
    if (child == 0) {
        try {
            Reactor its_own;
            const auto its_port = listen_unix(its_own, stale, make_factory([](const Address&) { return nullptr; }));
            ::kill(::getpid(), SIGKILL);
        } catch (...) {
        }
        std::_Exit(1);
    }
    int status = 0;
    BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
    BOOST_REQUIRE(WIFSIGNALED(status));
    BOOST_REQUIRE(std::filesystem::exists(stale));
    path = stale;
    port = listen(stale);
    connect();
}

BOOST_FIXTURE_TEST_CASE(what_is_not_a_socket_is_never_removed, UnixFixture) {
    const std::string precious = directory.path() / "precious";
    support::write_file(precious, "data");
    BOOST_CHECK_EXCEPTION(listen(precious), CannotListen,
                          [](const CannotListen& error) { return says(error, "not a socket"); });
    BOOST_TEST(support::read_file(precious) == "data");
}

BOOST_FIXTURE_TEST_CASE(stopping_leaves_a_file_that_somebody_else_put_there, UnixFixture) {
    std::filesystem::remove(path);
    support::write_file(path, "new");
    port->stop_listening();
    BOOST_TEST(support::read_file(path) == "new");
}

BOOST_FIXTURE_TEST_CASE(a_stopped_port_can_be_started_again, UnixFixture) {
    port->stop_listening();
    BOOST_CHECK_THROW(reactor.run_until(connect_unix(reactor, path, std::make_shared<UnixRecorder>())),
                      ConnectionRefused);
    port->start_listening();
    port->start_listening();
    connect();
}

BOOST_FIXTURE_TEST_CASE(an_abstract_name_needs_no_file, UnixFixture) {
    path = "@plait-test-" + std::to_string(::getpid());
    const auto abstract = listen(path);
    BOOST_TEST(abstract->address().str() == path);
    auto client = connect();
    client->transport().write("x");
    wait([&] { return served[0]->story == "made x"; });
    BOOST_TEST(client->transport().peer().str() == path);
    BOOST_TEST(!std::filesystem::exists(path));
    BOOST_TEST(!std::filesystem::exists(path + ".lock"));
    BOOST_CHECK_THROW(listen(path), CannotListen);
}

BOOST_FIXTURE_TEST_CASE(bad_paths_are_named, UnixFixture) {
    for (const std::string& bad : {std::string(), std::string(200, 'x'), std::string("a\0b", 3)}) {
        BOOST_CHECK_THROW(listen(bad), CannotListen);
        BOOST_CHECK_THROW(reactor.run_until(connect_unix(reactor, bad, std::make_shared<UnixRecorder>())),
                          ConnectError);
    }
    BOOST_CHECK_EXCEPTION(reactor.run_until(connect_unix(reactor, "/nowhere/at/all", std::make_shared<UnixRecorder>())),
                          ConnectionRefused,
                          [](const ConnectError& error) { return says(error, "/nowhere/at/all: no such file"); });
    BOOST_CHECK_EXCEPTION(listen("/nowhere/at/all"), CannotListen,
                          [](const CannotListen& error) { return says(error, "/nowhere/at/all"); });
}

// --- connecting

BOOST_FIXTURE_TEST_CASE(a_full_backlog_is_waited_for_until_the_time_is_over, UnixFixture) {
    const std::string full = directory.path() / "full";
    const UniqueFd silent = listen_silently(full);
    auto first = std::make_shared<UnixRecorder>();
    auto second = std::make_shared<UnixRecorder>();
    reactor.run_until(connect_unix(reactor, full, first));
    BOOST_CHECK_THROW(reactor.run_until(connect_unix(reactor, full, second, {.timeout = 50ms})), ConnectTimeout);
    auto third = connect_unix(reactor, full, second);
    settle(reactor);
    BOOST_TEST(!third.ready());
    const UniqueFd taken(::accept(silent.get(), nullptr, nullptr));
    wait([&] { return third.ready(); });
    BOOST_TEST(second->connected());
}

BOOST_FIXTURE_TEST_CASE(an_attempt_to_connect_is_listed_and_ends_with_the_run, UnixFixture) {
    const std::string full = directory.path() / "full";
    const UniqueFd silent = listen_silently(full);
    auto first = std::make_shared<UnixRecorder>();
    auto second = std::make_shared<UnixRecorder>();
    reactor.run_until(connect_unix(reactor, full, first));
    auto waiting = connect_unix(reactor, full, second);
    const std::string line = "  an attempt to connect to " + full + "\n";
    BOOST_TEST(reactor.dump().find(line) != std::string::npos, reactor.dump());
    settle(reactor);
    BOOST_TEST(!waiting.ready());
    BOOST_TEST(reactor.dump().find(line) != std::string::npos, reactor.dump());

    reactor.call_when_running([this] { reactor.stop(); });
    reactor.run();
    static_cast<void>(
        failure_of<ConnectError>(waiting, "cannot connect to " + full + ": the reactor was stopped or destroyed"));
    const UniqueFd taken(::accept(silent.get(), nullptr, nullptr));
    settle(reactor);
    BOOST_TEST(!second->connected());
    BOOST_TEST(reactor.dump().find(full) == std::string::npos, reactor.dump());
}

BOOST_AUTO_TEST_CASE(an_attempt_to_connect_ends_with_the_reactor) {
    support::TemporaryDirectory directory("unix");
    const std::string full = directory.path() / "full";
    const UniqueFd silent = listen_silently(full);
    std::optional<Reactor> reactor(std::in_place);
    auto connecting = connect_unix(*reactor, full, std::make_shared<UnixRecorder>());
    reactor.reset();
    static_cast<void>(failure_of<ConnectError>(connecting, full + ": the reactor was stopped or destroyed"));
}

BOOST_FIXTURE_TEST_CASE(connecting_never_finishes_inside_the_call_and_can_be_dropped, UnixFixture) {
    auto client = std::make_shared<UnixRecorder>();
    {
        const auto connecting = connect_unix(reactor, path, client);
        BOOST_TEST(!connecting.ready());
    }
    settle(reactor);
    BOOST_TEST(!client->connected());
    BOOST_TEST(served.empty());
}

BOOST_FIXTURE_TEST_CASE(what_connection_made_throws_fails_the_connecting, UnixFixture) {
    struct Unwilling final : Protocol {
        void connection_made() override { throw std::runtime_error("not my day"); }
        void data_received(const Bytes&) override {}
    };
    BOOST_CHECK_THROW(reactor.run_until(connect_unix(reactor, path, std::make_shared<Unwilling>())),
                      std::runtime_error);
}

BOOST_AUTO_TEST_CASE(a_port_may_outlive_its_reactor) {
    support::TemporaryDirectory directory("unix");
    const std::string path = directory.path() / "port";
    std::unique_ptr<ListeningPort> port;
    {
        Reactor reactor;
        port = listen_unix(reactor, path, make_factory([](const Address&) { return nullptr; }));
    }
    BOOST_TEST(!std::filesystem::exists(path));
    port->stop_listening();
    BOOST_CHECK_THROW(port->start_listening(), CannotListen);
}
