// The code of docs/reactor.md: HTTP.
#define BOOST_TEST_MODULE docs_reactor_http
#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>

#include "plait/deferred/coroutine.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/protocols/http_client.hpp"
#include "plait/reactor/protocols/http_server.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/tcp.hpp"

using namespace plait;
using namespace std::chrono_literals;

namespace {

// snippet: server
std::shared_ptr<HttpServerFactory> make_server(Reactor& reactor) {
    return std::make_shared<HttpServerFactory>(reactor, [](HttpRequest request, HttpAnswer answer) {
        answer->respond(200, {{"Content-Type", "text/plain"}}, Bytes::own("you asked for " + request.head.target));
    });
}
// end of snippet

// snippet: streaming
Deferred<> give_back(HttpIncoming request, HttpAnswer answer) {
    answer->start(200);
    for (;;) {
        auto next = request.body.read();
        const Bytes piece = co_await std::move(next);
        if (piece.empty()) break;
        answer->write(piece);
        auto room = answer->drained();  // a client that does not read holds us up, and so itself
        co_await std::move(room);
    }
    answer->finish();
}
// end of snippet

// snippet: copy
Deferred<int> copy(HttpClient& client, Url from, Url to) {
    HttpClientRequest get{.url = std::move(from)};
    auto opening = client.open(std::move(get));
    HttpStream source = co_await std::move(opening);

    HttpClientRequest put{.method = "PUT", .url = std::move(to)};
    put.source = std::move(source.body).as_source(source.head.content_length);
    put.expect_continue = true;
    auto sending = client.request(std::move(put));
    const HttpResponse answer = co_await std::move(sending);
    co_return answer.head.status;
}
// end of snippet

}  // namespace

BOOST_AUTO_TEST_CASE(a_client_and_a_server) {
    Reactor reactor;
    const auto port = listen_tcp(reactor, {"127.0.0.1", 0}, make_server(reactor));
    const Url url = Url::parse("http://" + port->address().str() + "/x");
    std::string text;
    // snippet: client
    HttpClientOptions options;
    options.connections_per_host = 4;
    options.total_timeout = 10s;
    HttpClient client(reactor, make_tcp_connector(reactor), options);

    auto asked = client.get(url)
                     .add_callback([&](HttpResponse answer) { text = answer.body.str(); })
                     .add_errback<ConnectError>([&](const ConnectError&) { text = "try later"; })
                     .add_errback<HttpError>([&](const HttpError& error) { text = error.what(); });
    // end of snippet
    reactor.run_until(std::move(asked));
    BOOST_TEST(text == "you asked for /x");
}

BOOST_AUTO_TEST_CASE(from_one_to_the_other_without_holding_it) {
    Reactor reactor;
    const auto from = listen_tcp(reactor, {"127.0.0.1", 0}, make_server(reactor));
    const auto to = listen_tcp(reactor, {"127.0.0.1", 0},
                               HttpServerFactory::streaming(reactor, [](HttpIncoming request, HttpAnswer answer) {
                                   give_back(std::move(request), std::move(answer)).detach([](const Failure&) {});
                               }));
    HttpClient client(reactor, make_tcp_connector(reactor));
    const auto at = [](const ListeningPort& port) { return Url::parse("http://" + port.address().str() + "/"); };
    BOOST_TEST(reactor.run_until(copy(client, at(*from), at(*to))) == 200);
}
