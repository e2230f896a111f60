// Endpoints that a program inherits, in a program of its own: stdio: on what its starter gave it as input and output,
// systemd: on listening sockets from descriptor 3 on.
#define BOOST_TEST_MODULE inherited_endpoints
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "plait/reactor/descriptors.hpp"
#include "plait/reactor/endpoint.hpp"
#include "plait/reactor/process_output.hpp"
#include "plait/tests/reactor/process_fixture.hpp"
#include "plait/tests/reactor/unix_fixture.hpp"

using namespace plait;
using namespace plait::testing;

namespace {

ProcessOptions child_of(const std::string& mode, const std::string& endpoint) {
    ProcessOptions options;
    options.program = PLAIT_ENDPOINT_CHILD;
    options.arguments = {mode, endpoint};
    return options;
}

/// As systemd starts it: its own number is in its environment before it is that program.
ProcessOptions activated(const std::string& endpoint, const std::string& pid = "$$") {
    ProcessOptions options =
        shell("export LISTEN_PID=" + pid + "; exec " PLAIT_ENDPOINT_CHILD " server '" + endpoint + "'");
    options.environment["LISTEN_FDS"] = "1";
    return options;
}

/// Listens on loopback, for nobody yet.
struct Listening {
    UniqueFd fd;
    Address address;

    Listening() {
        SilentPort port;
        if (::listen(port.fd.get(), 16) != 0) throw std::runtime_error("cannot listen");
        address = port.address;
        fd = std::move(port.fd);
    }
};

struct Fixture : ProcessFixture {
    std::shared_ptr<Recorder> client = std::make_shared<Recorder>();

    Fixture() {
        ::unsetenv("LISTEN_PID");
        ::unsetenv("LISTEN_FDS");
        ::unsetenv("LISTEN_FDNAMES");
    }

    /// Says `text` at `endpoint` and has it come back.
    void talk(ClientEndpoint& endpoint, const std::string& text) {
        client = std::make_shared<Recorder>();
        reactor.run_until(connect_protocol(endpoint, client));
        client->transport().write(text);
        wait([&] { return client->received == text; });
        client->transport().lose_connection();
        wait([&] { return client->reason.has_value(); });
    }
    void wait_until_it_listens() {
        wait([&] { return child->err.find("listening on") != std::string::npos || child->ended.has_value(); });
        BOOST_REQUIRE_MESSAGE(!child->ended, child->err);
    }

    /// What it says when it cannot listen.
    std::string complaint(ProcessOptions options) {
        const ProcessResult result = reactor.run_until(process_output_and_value(reactor, std::move(options)));
        BOOST_TEST(result.exit_code == 1);
        return result.error_output;
    }
};

bool contains(const std::string& text, std::string_view part) {
    BOOST_TEST_INFO_SCOPE("in: " << text);
    return text.find(part) != std::string::npos;
}

/// Not in what this program starts.
bool is_open_here_alone(int fd) {
    const int flags = ::fcntl(fd, F_GETFD);
    return flags >= 0 && (flags & FD_CLOEXEC) != 0;
}

/// This program is the one that systemd has given a socket, which is found by its number.
struct GivenHere : Fixture {
    Listening socket;
    std::string where = "systemd:index=" + std::to_string(socket.fd.get() - 3);
    std::vector<std::shared_ptr<Recorder>> served;
    std::shared_ptr<Factory> echoes = make_factory([this](const Address&) {
        served.push_back(std::make_shared<Recorder>());
        served.back()->when_data = [](Recorder& one, const Bytes& data) { one.transport().write(data); };
        return std::static_pointer_cast<Protocol>(served.back());
    });

    GivenHere() {
        ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
        ::setenv("LISTEN_FDS", "1000", 1);
        ::fcntl(socket.fd.get(), F_SETFD, 0);  // as systemd leaves it
    }
    ~GivenHere() {
        ::unsetenv("LISTEN_PID");
        ::unsetenv("LISTEN_FDS");
    }

    std::unique_ptr<ListeningPort> listen() {
        return reactor.run_until(server_from_string(reactor, where)->listen(echoes));
    }
    std::string why_not_listening() {
        try {
            listen();
        } catch (const CannotListen& error) {
            return error.what();
        }
        return "it listens";
    }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(standard_input_and_output_are_an_endpoint_over_pipes, Fixture) {
    for (const char* mode : {"client", "server"}) {
        child = std::make_shared<ProcessRecorder>();
        spawn_process(reactor, child_of(mode, "stdio:"), child);
        child->transport().write("hello");
        wait([&] { return child->out == "hello"; });
        child->transport().close_stdin();
        wait_ended();
        BOOST_TEST(child->out == "hellogoodbye");
        BOOST_TEST(child->ended->check<ProcessDone>() != nullptr, child->err);
    }
}

BOOST_FIXTURE_TEST_CASE(they_are_one_over_a_socket_as_inetd_gives_it, Fixture) {
    int both[2];
    BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both) == 0);
    UniqueFd ours(both[0]);
    UniqueFd childs(both[1]);
    ProcessOptions options = child_of("server", "stdio:");
    options.descriptors.insert_or_assign(0, ChildDescriptor::inherited(childs.get()));
    options.descriptors.insert_or_assign(1, ChildDescriptor::inherited(childs.get()));
    spawn_process(reactor, std::move(options), child);
    childs.reset();
    client->close_at_end = false;
    reactor.run_until(adopt_stream(reactor, std::move(ours), client));
    client->transport().write("hello");
    wait([&] { return client->received == "hello"; });
    client->transport().lose_write_connection();
    wait([&] { return client->reason.has_value(); });
    BOOST_TEST(client->received == "hellogoodbye");
    wait_ended();
    BOOST_TEST(child->ended->check<ProcessDone>() != nullptr, child->err);
}

BOOST_FIXTURE_TEST_CASE(the_end_of_the_output_ends_the_connection, Fixture) {
    spawn_process(reactor, child_of("client", "stdio:"), child);
    child->transport().write("quit");
    wait_ended();
    BOOST_TEST(child->out == "quit");
    BOOST_TEST(child->ended->check<ProcessDone>() != nullptr, child->err);
}

BOOST_FIXTURE_TEST_CASE(a_socket_of_systemd_is_a_port_by_its_place, Fixture) {
    const Listening socket;
    ProcessOptions options = activated("systemd:index=0");
    options.descriptors.insert_or_assign(3, ChildDescriptor::inherited(socket.fd.get()));
    spawn_process(reactor, std::move(options), child);
    wait_until_it_listens();
    BOOST_TEST(contains(child->err, "listening on " + socket.address.str()));
    const auto endpoint = tcp_client_endpoint(reactor, {socket.address.ip, socket.address.port});
    talk(*endpoint, "hello");
    talk(*endpoint, "hello again");
    talk(*endpoint, "quit");
    wait_ended();
    BOOST_TEST(child->ended->check<ProcessDone>() != nullptr, child->err);
    // it is still open here, as it is in systemd: the next one takes over where this one stopped
    child = std::make_shared<ProcessRecorder>();
    options = activated("systemd:index=0");
    options.descriptors.insert_or_assign(3, ChildDescriptor::inherited(socket.fd.get()));
    spawn_process(reactor, std::move(options), child);
    talk(*endpoint, "quit");
    wait_ended();
}

BOOST_FIXTURE_TEST_CASE(several_are_told_apart_by_name_and_may_be_of_any_kind, Fixture) {
    const UnixFixture unix_port;
    const Listening socket;
    const std::string path = unix_port.path + ".other";
    const UniqueFd local(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path.copy(name.sun_path, sizeof name.sun_path - 1);
    BOOST_REQUIRE(::bind(local.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
    BOOST_REQUIRE(::listen(local.get(), 16) == 0);
    for (const bool second : {false, true}) {
        child = std::make_shared<ProcessRecorder>();
        ProcessOptions options = activated(second ? "systemd:name=admin" : "systemd:name=http");
        options.environment["LISTEN_FDS"] = "2";
        options.environment["LISTEN_FDNAMES"] = "http:admin";
        options.descriptors.insert_or_assign(3, ChildDescriptor::inherited(socket.fd.get()));
        options.descriptors.insert_or_assign(4, ChildDescriptor::inherited(local.get()));
        spawn_process(reactor, std::move(options), child);
        wait_until_it_listens();
        const auto endpoint = second ? unix_client_endpoint(reactor, path)
                                     : tcp_client_endpoint(reactor, {socket.address.ip, socket.address.port});
        talk(*endpoint, "quit");
        wait_ended();
        BOOST_TEST(child->ended->check<ProcessDone>() != nullptr, child->err);
    }
}

BOOST_FIXTURE_TEST_CASE(two_endpoints_for_one_socket_share_its_clients, GivenHere) {
    const auto first = listen();
    auto second = listen();
    const auto client_of = tcp_client_endpoint(reactor, {socket.address.ip, socket.address.port});
    for (int i = 0; i < 5; ++i)
        talk(*client_of, "hello");
    second.reset();
    BOOST_TEST(is_open_here_alone(socket.fd.get()));
    for (int i = 0; i < 5; ++i)
        talk(*client_of, "hello again");
    BOOST_TEST(served.size() == 10u);
}

BOOST_FIXTURE_TEST_CASE(a_socket_of_systemd_is_there_to_listen_on_again, GivenHere) {
    const auto client_of = tcp_client_endpoint(reactor, {socket.address.ip, socket.address.port});
    const auto endpoint = server_from_string(reactor, where);
    auto port = reactor.run_until(endpoint->listen(echoes));
    talk(*client_of, "hello");
    port->stop_listening();
    BOOST_TEST(is_open_here_alone(socket.fd.get()));
    RawPeer waiting(socket.address);
    waiting.send("early");
    settle(reactor);
    BOOST_TEST(served.size() == 1u);
    port = reactor.run_until(endpoint->listen(echoes));
    wait([&] { return served.size() == 2 && served.back()->received == "early"; });
    talk(*client_of, "hello again");
}

BOOST_FIXTURE_TEST_CASE(a_socket_of_systemd_that_was_closed_is_refused_by_its_number, GivenHere) {
    const std::string number = std::to_string(socket.fd.get());
    socket.fd.reset();
    const std::string text = why_not_listening();
    BOOST_TEST(contains(text, "cannot listen on systemd's socket, descriptor " + number));
    BOOST_TEST(contains(text, "bad file descriptor"));
}

BOOST_FIXTURE_TEST_CASE(what_systemd_did_not_give_is_refused_with_what_it_did, Fixture) {
    const Listening socket;
    const auto with_socket = [&](ProcessOptions options) {
        options.descriptors.insert_or_assign(3, ChildDescriptor::inherited(socket.fd.get()));
        return options;
    };
    BOOST_TEST(contains(complaint(with_socket(activated("systemd:index=1"))),
                        "cannot listen: systemd gave this process no socket number 1; it gave 1: \"\""));
    ProcessOptions named = with_socket(activated("systemd:name=gopher"));
    named.environment["LISTEN_FDNAMES"] = "http";
    BOOST_TEST(contains(complaint(std::move(named)), "no socket named \"gopher\"; it gave 1: \"http\""));
}

BOOST_FIXTURE_TEST_CASE(sockets_for_another_process_are_not_taken, Fixture) {
    const Listening socket;
    // $PPID is this program: so stands the environment of one that a service starts
    ProcessOptions options = activated("systemd:index=0", "$PPID");
    options.descriptors.insert_or_assign(3, ChildDescriptor::inherited(socket.fd.get()));
    BOOST_TEST(contains(complaint(std::move(options)), "LISTEN_PID is that of another process"));
}

BOOST_FIXTURE_TEST_CASE(without_systemd_there_are_none, Fixture) {
    BOOST_TEST(contains(complaint(child_of("server", "systemd:index=0")), "LISTEN_PID and LISTEN_FDS are not set"));
    ProcessOptions half = child_of("server", "systemd:index=0");
    half.environment["LISTEN_FDS"] = "1";
    BOOST_TEST(contains(complaint(std::move(half)), "LISTEN_PID and LISTEN_FDS are not set"));
}

BOOST_FIXTURE_TEST_CASE(what_is_no_listening_socket_is_refused, Fixture) {
    ProcessOptions options = activated("systemd:index=0");
    options.descriptors.insert_or_assign(3, ChildDescriptor::null());
    BOOST_TEST(contains(complaint(std::move(options)), "cannot listen on systemd's socket, descriptor 3, "));
}
