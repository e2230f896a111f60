// A small HTTP server: answers with what it was asked, and gives back what is sent to it, as it comes.
//
//     http_server [PORT]          GET anything; PUT or POST something to get it back
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "plait/reactor/protocols/http_server.hpp"
#include "plait/reactor/react.hpp"
#include "plait/reactor/tcp.hpp"

using namespace plait;

namespace {

Deferred<> give_back(HttpIncoming request, HttpAnswer answer) {
    answer->start(200, {{"Content-Type", "application/octet-stream"}});
    for (;;) {
        auto next = request.body.read();
        const Bytes piece = co_await std::move(next);
        if (piece.empty()) break;
        answer->write(piece);
        auto room = answer->drained();
        co_await std::move(room);
    }
    answer->finish();
}

void serve_request(HttpIncoming request, const HttpAnswer& answer) {
    if (request.head.method == "PUT" || request.head.method == "POST") {
        return give_back(std::move(request), answer).detach([](const Failure& failure) {
            std::fprintf(stderr, "%s\n", failure.message().c_str());
        });
    }
    answer->respond(200, {{"Content-Type", "text/plain"}}, Bytes::own("you asked for " + request.head.target + "\n"));
}

Deferred<> serve(Reactor& reactor, std::uint16_t port) {
    HttpServerOptions options;
    options.limits.body_bytes.reset();  // nothing is held: any size will do
    const auto server = HttpServerFactory::streaming(reactor, serve_request, options);
    const auto listening = listen_tcp(reactor, {"127.0.0.1", port}, server);
    std::printf("http://%s/\n", listening->address().str().c_str());
    std::fflush(stdout);
    co_await reactor.sleep(std::chrono::hours(24 * 365));  // until Ctrl-C cancels it
}

}  // namespace

int main(int argc, char** argv) {
    const int port = argc > 1 ? std::atoi(argv[1]) : 0;
    return react([port](Reactor& reactor) { return serve(reactor, static_cast<std::uint16_t>(port)); });
}
