// Serves a reactor's own numbers to Prometheus, what it waits for to people, and tells when something stalls it.
//
//     metrics [PORT]              http://127.0.0.1:PORT/metrics, /waiting, and /stall to see the detector speak
#include <cstdio>
#include <cstdlib>
#include <string>

#include "plait/reactor/metrics.hpp"
#include "plait/reactor/protocols/http_server.hpp"
#include "plait/reactor/react.hpp"
#include "plait/reactor/stall_detector.hpp"
#include "plait/reactor/tcp.hpp"

using namespace plait;

namespace {

void answer_request(Reactor& reactor, const std::string& target, HttpResponseWriter& answer) {
    const HttpHeaders text = {{"Content-Type", "text/plain; version=0.0.4"}};
    if (target == "/metrics") return answer.respond(200, text, Bytes::own(prometheus_text(reactor.metrics())));
    if (target == "/waiting") return answer.respond(200, text, Bytes::own(reactor.dump()));
    if (target == "/stall") {
        const TimePoint end = reactor.now() + std::chrono::milliseconds(200);
        while (reactor.now() < end) {
        }
        return answer.respond(200, text, Bytes::own("nothing else was done for 200 ms\n"));
    }
    answer.respond(404, text, Bytes::own("there is /metrics, /waiting and /stall\n"));
}

Deferred<> serve(Reactor& reactor, std::uint16_t port) {
    reactor.measure_turns(true);
    const StallDetector detector(reactor);
    auto server = std::make_shared<HttpServerFactory>(reactor, [&reactor](HttpRequest request, HttpAnswer answer) {
        answer_request(reactor, request.head.target, *answer);
    });
    const auto listening = listen_tcp(reactor, {"127.0.0.1", port}, server);
    std::printf("http://%s/metrics\n", listening->address().str().c_str());
    std::fflush(stdout);
    co_await reactor.sleep(std::chrono::hours(24 * 365));  // until Ctrl-C cancels it
}

}  // namespace

int main(int argc, char** argv) {
    const int port = argc > 1 ? std::atoi(argv[1]) : 0;
    return react([port](Reactor& reactor) { return serve(reactor, static_cast<std::uint16_t>(port)); });
}
