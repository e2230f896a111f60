// The code of docs/reactor.md: UDP, and UNIX datagrams.
#define BOOST_TEST_MODULE docs_reactor_udp
#include <boost/test/unit_test.hpp>
#include <string>

#include "plait/reactor/udp.hpp"
#include "plait/reactor/unix_datagram.hpp"
#include "plait/tests/support/temporary_directory.hpp"

using namespace plait;
using namespace std::chrono_literals;

namespace {

// snippet: protocol
class Echo : public DatagramProtocol {
    void datagram_received(const Bytes& data, const Address& from) override { transport().write(data, from); }
};
// end of snippet

class Asker : public DatagramProtocol {
public:
    std::string answer;
    bool refused = false;

private:
    void datagram_received(const Bytes& data, const Address&) override { answer = data.str(); }
    void connection_refused() override { refused = true; }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_datagram_comes_back) {
    Reactor reactor;
    const auto asker = std::make_shared<Asker>();
    // snippet: ports
    const auto server = listen_udp(reactor, {"127.0.0.1", 0}, std::make_shared<Echo>());

    const auto client = listen_udp(reactor, {"127.0.0.1", 0}, asker);
    client->connect(server->host());  // optional: from now on only to and from there
    client->write("hello");
    // end of snippet
    while (asker->answer.empty() && !asker->refused)
        reactor.run_until(reactor.sleep(1ms));
    BOOST_TEST(asker->answer == "hello");
}

BOOST_AUTO_TEST_CASE(a_datagram_comes_back_from_a_path) {
    Reactor reactor;
    const support::TemporaryDirectory directory("docs");
    const std::string path = directory.path() / "port";
    const auto asker = std::make_shared<Asker>();
    // snippet: unix
    const auto server = listen_unix_datagram(reactor, path, std::make_shared<Echo>(), {.mode = 0600});

    const auto client = connect_unix_datagram(reactor, path, asker);
    client->write("hello");
    // end of snippet
    while (asker->answer.empty() && !asker->refused)
        reactor.run_until(reactor.sleep(1ms));
    BOOST_TEST(asker->answer == "hello");
}
