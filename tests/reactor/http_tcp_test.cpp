#define BOOST_TEST_MODULE http_tcp
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "plait/reactor/errors.hpp"
#include "plait/reactor/protocols/http_exchange.hpp"
#include "plait/reactor/protocols/http_server.hpp"
#include "plait/reactor/tcp.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"

using namespace plait;                 // NOLINT
using namespace std::chrono_literals;  // NOLINT

namespace {

constexpr std::size_t piece_size = 64 * 1024;
constexpr std::size_t pieces = 320;

struct Server {
    explicit Server(Reactor& reactor, HttpServerFactory::Handler handler)
        : factory(std::make_shared<HttpServerFactory>(reactor, std::move(handler))),
          port(listen_tcp(reactor, {"127.0.0.1", 0}, factory)) {}

    Url url(const std::string& path) const { return Url::parse("http://" + port->address().str() + path); }

    std::shared_ptr<HttpServerFactory> factory;
    std::unique_ptr<ListeningPort> port;
};

/// Writes 20 MB, each piece when there is room, and counts what it could write.
Deferred<> write_much(HttpAnswer answer, std::size_t& written) {
    answer->start(200);
    for (std::size_t i = 0; i < pieces; ++i) {
        answer->write(Bytes::own(std::string(piece_size, 'x')));
        ++written;
        auto room = answer->drained();
        co_await std::move(room);
    }
    answer->finish();
}

class Counter : public HttpResponseHandler {
public:
    void on_head(HttpResponseHead) override { head.callback(); }
    void on_body(Bytes piece) override { bytes += piece.size(); }
    void on_complete() override { end.callback(); }
    void on_failure(const Failure& reason) override { end.errback(reason); }

    Promise<> head;
    Promise<> end;
    std::size_t bytes = 0;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_get_over_tcp_brings_the_answer) {
    Reactor reactor;
    Server server(reactor, [](const HttpRequest& request, const HttpAnswer& answer) {
        answer->respond(200, {}, Bytes::own("you asked for " + request.head.target));
    });
    const auto response = reactor.run_until(http_get(reactor, server.url("/x?y")));
    BOOST_TEST(response.body.view() == "you asked for /x?y");
}

BOOST_AUTO_TEST_CASE(a_pause_reaches_the_server_through_the_sockets) {
    Reactor reactor;
    std::size_t written = 0;
    Deferred<> writing;
    Server server(reactor,
                  [&](const HttpRequest&, HttpAnswer answer) { writing = write_much(std::move(answer), written); });

    Counter counter;
    auto [head, head_promise] = make_deferred();
    auto [end, end_promise] = make_deferred();
    counter.head = std::move(head_promise);
    counter.end = std::move(end_promise);
    const auto connector = make_tcp_connector(reactor);
    const auto url = server.url("/");
    std::optional<HttpExchange> exchange;
    exchange.emplace(reactor, *connector, url.host_port(), make_http_request(url), counter);
    reactor.run_until(std::move(head));
    exchange->pause();
    const auto before = counter.bytes;

    // The sockets' buffers fill, and then the server stands still.
    for (std::size_t last = written + 1; last != written;) {
        last = written;
        reactor.run_until(reactor.sleep(20ms));
    }
    BOOST_TEST(counter.bytes == before);
    BOOST_TEST(written < pieces);

    exchange->resume();
    reactor.run_until(std::move(end));
    BOOST_TEST(counter.bytes == pieces * piece_size);
    BOOST_TEST(writing.ready());
}

BOOST_AUTO_TEST_CASE(the_time_to_connect_is_the_callers_alone) {
    Reactor reactor;
    const testing::FullPort full;
    HttpExchangeOptions options;
    options.connect_timeout = 50ms;
    auto answer = http_get(reactor, Url::parse("http://" + full.address.str() + "/"), options);
    try {
        reactor.run_until(std::move(answer));
        BOOST_ERROR("answered");
    } catch (const ConnectTimeout& error) {
        BOOST_TEST(std::string(error.what()) ==
                   "cannot connect to " + full.address.str() + ": no answer within 0.05 s");
    }
}
