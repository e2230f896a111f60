// HttpClient and HttpServerFactory over TLS over TCP, and over TCP alone.
#define BOOST_TEST_MODULE https
#include <boost/test/unit_test.hpp>
#include <string>

#include "plait/reactor/protocols/http_client.hpp"
#include "plait/reactor/protocols/http_server.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/tcp.hpp"
#include "tls_fixture.hpp"

using namespace plait;           // NOLINT
using namespace plait::testing;  // NOLINT

namespace {

std::shared_ptr<HttpServerFactory> make_server(Clock& clock) {
    return std::make_shared<HttpServerFactory>(clock, [](const HttpRequest& request, const HttpAnswer& answer) {
        answer->respond(200, {}, Bytes::own(request.head.target + " " + std::to_string(request.body.size())));
    });
}

struct Fixture {
    Fixture() {
        server = make_server(reactor);
        plain = listen_tcp(reactor, {"127.0.0.1", 0}, server);
        secure = listen_tcp(reactor, {"127.0.0.1", 0}, tls_factory(reactor, TlsContext::server(serving()), server));
    }

    Url url(const ListeningPort& port, const std::string& scheme) const {
        return Url::parse(scheme + "://127.0.0.1:" + std::to_string(port.address().port) + "/x");
    }

    Reactor reactor;
    std::shared_ptr<HttpServerFactory> server;
    std::unique_ptr<ListeningPort> plain;
    std::unique_ptr<ListeningPort> secure;
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(one_client_speaks_both, Fixture) {
    const auto tcp = make_tcp_connector(reactor);
    HttpClient client(reactor, tcp, make_tls_connector(reactor, TlsContext::client(trusting()), tcp));
    for (int i = 0; i < 3; ++i) {
        BOOST_TEST(reactor.run_until(client.get(url(*plain, "http"))).body.str() == "/x 0");
        BOOST_TEST(reactor.run_until(client.get(url(*secure, "https"))).body.str() == "/x 0");
    }
    const Bytes large = Bytes::own(std::string(900'000, 'x'));
    BOOST_TEST(reactor.run_until(client.request("PUT", url(*secure, "https"), {}, large)).body.str() == "/x 900000");
    BOOST_TEST(client.connections() == 2U);
    reactor.run_until(client.close());
    BOOST_TEST(client.connections() == 0U);
}

BOOST_FIXTURE_TEST_CASE(who_is_refused_while_he_sends_sees_why, Fixture) {
    HttpClient client(reactor, make_tcp_connector(reactor));
    const Bytes large = Bytes::own(std::string(8'000'000, 'x'));
    for (int i = 0; i < 5; ++i) {
        const auto answer = reactor.run_until(client.request("PUT", url(*plain, "http"), {}, large));
        BOOST_TEST(answer.head.status == 413);
    }
}

BOOST_FIXTURE_TEST_CASE(a_server_that_is_not_trusted_is_not_asked, Fixture) {
    const auto tcp = make_tcp_connector(reactor);
    HttpClient client(reactor, tcp, make_tls_connector(reactor, TlsContext::client(), tcp));
    BOOST_CHECK_THROW(reactor.run_until(client.get(url(*secure, "https"))), ConnectError);
}
