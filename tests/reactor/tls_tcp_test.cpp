// TLS over real sockets, and with the openssl program as the other side: somebody else's idea of TLS.
#define BOOST_TEST_MODULE tls_tcp
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>

#include "plait/deferred/type_name.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/stall_detector.hpp"
#include "plait/tests/reactor/reports.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"
#include "tls_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

struct TlsOverTcp {
    std::shared_ptr<const TlsContext> client_context = TlsContext::client(trusting());
    std::shared_ptr<const TlsContext> server_context = TlsContext::server(serving());
    std::optional<Reactor> reactor{std::in_place};
    std::vector<std::shared_ptr<Recorder>> served;
    std::function<void(Recorder&)> prepare = [](Recorder&) {};
    std::unique_ptr<ListeningPort> port;

    TlsOverTcp() { listen(); }
    void listen() {
        port = listen_tls(*reactor, {"127.0.0.1", 0}, server_context,
                          make_factory([this](const Address&) -> std::shared_ptr<Protocol> {
                              auto server = std::make_shared<Recorder>();
                              prepare(*server);
                              served.push_back(server);
                              return server;
                          }));
    }
    HostPort where() const { return {"127.0.0.1", port->address().port}; }
    std::shared_ptr<Recorder> connect() {
        auto client = std::make_shared<Recorder>();
        reactor->run_until(connect_tls(*reactor, where(), client_context, client));
        wait([&] { return !served.empty() && served.back()->connected(); });
        return client;
    }
    void wait(const std::function<bool()>& condition) { run_until(*reactor, condition); }
    static void echo(Recorder& recorder) {
        recorder.when_data = [](Recorder& r, const Bytes& data) { r.transport().write(data); };
    }
};

struct Folder {
    std::filesystem::path path;
    Folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "plait-tls-XXXXXX").string();
        path = ::mkdtemp(pattern.data());
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string write(const std::string& name, const std::string& text) const {
        std::ofstream(path / name) << text;
        return (path / name).string();
    }
};

/// The openssl program, killed at the end. What it prints goes to a file; its input is a pipe.
class OpenSsl {
public:
    OpenSsl(const Folder& folder, std::vector<std::string> arguments) : output_(folder.path / "openssl.out") {
        int input[2];
        if (::pipe2(input, O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
        pid_ = ::fork();
        if (pid_ == 0) {
            const int out = ::open(output_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
            ::dup2(input[0], 0);
            ::dup2(out, 1);
            ::dup2(out, 2);
            std::vector<char*> argv{const_cast<char*>("openssl")};
            for (std::string& argument : arguments)
                argv.push_back(argument.data());
            argv.push_back(nullptr);
            ::execvp("openssl", argv.data());
            ::_exit(127);
        }
        ::close(input[0]);
        input_ = UniqueFd(input[1]);
    }
    ~OpenSsl() {
        ::kill(pid_, SIGKILL);
        if (!over_) ::waitpid(pid_, nullptr, 0);
    }

    void say(std::string_view text) {
        if (::write(input_.get(), text.data(), text.size()) < 0) throw std::runtime_error("openssl does not listen");
    }
    void end_of_input() { input_.reset(); }
    std::string said() const {
        std::ifstream file(output_);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    bool said(std::string_view text) const { return said().find(text) != std::string::npos; }
    bool over() {
        if (!over_) over_ = ::waitpid(pid_, nullptr, WNOHANG) == pid_;
        return over_;
    }

private:
    std::filesystem::path output_;
    pid_t pid_ = -1;
    UniqueFd input_;
    bool over_ = false;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_connection_is_named_by_the_protocol_above_tls) {
    TlsOverTcp net;
    const std::string name = readable_name(typeid(Recorder));
    std::promise<std::string> told;
    std::future<std::string> first = told.get_future();
    net.prepare = [&first](Recorder& server) {
        server.when_data = [&first](Recorder&, const Bytes&) { first.wait_for(patience); };
    };
    const auto client = net.connect();
    const std::string text = net.reactor->dump();
    for (const Transport* const each : {&client->transport(), &net.served[0]->transport()})
        BOOST_TEST(text.find("  a connection to " + each->peer().str() + " of " + name + "\n") != std::string::npos,
                   text);

    std::atomic<bool> once = false;
    const StallDetector detector(*net.reactor, {.limit = 20ms}, [&](const Stall& stall) {
        if (stall.what.find(" of ") != std::string::npos && !once.exchange(true)) told.set_value(stall.what);
    });
    client->transport().write("x");
    net.wait([&] { return !net.served[0]->received.empty() && once; });
    BOOST_TEST(first.get() == "data_received of " + name);
}

BOOST_AUTO_TEST_CASE(ten_megabytes_come_back) {
    TlsOverTcp net;
    net.prepare = TlsOverTcp::echo;
    const auto client = net.connect();
    const std::string text = numbered(10'000'000);
    client->transport().write(Bytes::own(text));
    net.wait([&] { return client->received.size() == text.size(); });
    BOOST_TEST((client->received == text));
    client->transport().lose_connection();
    net.wait([&] { return client->reason && net.served[0]->reason; });
    BOOST_TEST(client->story() == "made data lost: done");
    BOOST_TEST(net.served[0]->story() == "made data end lost: done");
}

BOOST_AUTO_TEST_CASE(a_reader_that_pauses_holds_the_writer) {
    TlsOverTcp net;
    const auto client = net.connect();
    net.served[0]->transport().pause_producing();
    NotedProducer producer;
    client->transport().register_producer(producer);
    client->transport().write(std::string(30'000'000, 'x'));
    settle(*net.reactor);
    BOOST_TEST(producer.told == "pause ");
    BOOST_TEST(client->transport().write_buffered() > 10'000'000U);
    BOOST_TEST(net.served[0]->received == "");
    net.served[0]->transport().resume_producing();
    net.wait([&] { return net.served[0]->received.size() == 30'000'000; });
    net.wait([&] { return producer.told == "pause resume "; });
    client->transport().unregister_producer();
}

BOOST_AUTO_TEST_CASE(many_small_writes_of_one_turn_are_one_record) {
    TlsOverTcp net;
    const auto client = net.connect();
    int pieces = 0;
    net.served[0]->when_data = [&](Recorder&, const Bytes&) { ++pieces; };
    net.reactor->call_soon([&] {
        for (int i = 0; i < 1000; ++i)
            client->transport().write("0123456789");
    });
    net.wait([&] { return net.served[0]->received.size() == 10'000; });
    BOOST_TEST(pieces == 1);
}

BOOST_AUTO_TEST_CASE(a_reactor_that_is_destroyed_aborts_what_it_has) {
    TlsOverTcp net;
    const auto client = net.connect();
    auto half = std::make_shared<Recorder>();
    const RawPeer silent({"127.0.0.1", net.port->address().port});  // a handshake under way
    std::optional<Failure> failed;
    Deferred<> connecting =
        connect_tls(*net.reactor, net.where(), net.client_context, half)
            .add_callbacks([](const std::shared_ptr<Protocol>&) {}, [&](const Failure& why) { failed = why; });
    client->transport().write(std::string(10'000'000, 'x'));
    client->transport().lose_connection();
    net.reactor.reset();
    BOOST_TEST(client->story() == "made lost: aborted");
    BOOST_TEST(net.served[0]->story() == "made lost: aborted");
    BOOST_TEST(is<ConnectError>(failed));
}

BOOST_AUTO_TEST_CASE(an_abort_is_a_reset_for_the_peer) {
    TlsOverTcp net;
    const auto client = net.connect();
    client->transport().abort_connection();
    BOOST_TEST(client->story() == "made");
    net.wait([&] { return client->reason && net.served[0]->reason; });
    BOOST_TEST(is<ConnectionAborted>(client->reason));
    BOOST_TEST(is<ConnectionLost>(net.served[0]->reason));
}

BOOST_AUTO_TEST_CASE(openssl_s_client_talks_to_our_server) {
    for (const std::string version : {"-tls1_2", "-tls1_3"}) {
        TlsOverTcp net;
        net.prepare = TlsOverTcp::echo;
        const Folder folder;
        const std::string ca = folder.write("ca.pem", test_ca().pem());
        OpenSsl program(folder, {"s_client", "-connect", net.where().str(), "-CAfile", ca, "-verify_return_error",
                                 "-verify_hostname", "localhost", "-servername", "localhost", version});
        program.say("hello from outside\n");
        net.wait([&] { return !net.served.empty() && net.served[0]->received == "hello from outside\n"; });
        net.wait([&] { return program.said("hello from outside"); });
        BOOST_TEST(program.said("Verify return code: 0 (ok)"));
        BOOST_TEST(info_of(*net.served[0]).server_name == "localhost");
        if (version == "-tls1_2") {  // a renegotiation is asked for, and refused
            program.say("R\n");
            net.wait([&] { return program.over() || program.said("no renegotiation"); });
            BOOST_TEST(program.said("no renegotiation"));
        } else {
            program.say("Q\n");
            net.wait([&] { return net.served[0]->reason.has_value(); });
            BOOST_TEST(is<ConnectionDone>(net.served[0]->reason));
        }
    }
}

BOOST_AUTO_TEST_CASE(our_client_talks_to_openssl_s_server) {
    for (const std::string version : {"-tls1_2", "-tls1_3"}) {
        Reactor reactor;
        const SilentPort probe;
        const std::uint16_t port = [] {
            SilentPort free;
            return free.address.port;
        }();
        const Folder folder;
        const Identity identity = test_ca().issue();
        const std::string certificate = folder.write("server.pem", identity.certificate);
        const std::string key = folder.write("server.key", identity.key);
        OpenSsl program(folder, {"s_server", "-accept", "127.0.0.1:" + std::to_string(port), "-cert", certificate,
                                 "-key", key, "-rev", version});
        const auto context = TlsContext::client(trusting());
        for (int time = 0; time < 2; ++time) {
            auto client = std::make_shared<Recorder>();
            run_until(reactor, [&] { return program.said("ACCEPT"); });
            reactor.run_until(connect_tls(reactor, {"127.0.0.1", port}, context, client));
            client->transport().write("stressed\n");
            run_until(reactor, [&] { return client->received == "desserts\n"; });
            BOOST_TEST(info_of(*client).resumed == (time == 1));
            client->transport().lose_connection();
            run_until(reactor, [&] { return client->reason.has_value(); });
            BOOST_TEST(is<ConnectionDone>(client->reason));
        }
    }
}
