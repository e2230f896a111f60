// Test helpers: a connection to an HTTP server, held at its other end by the test, and the ways to answer on it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plait/deferred/testing/manual_clock.hpp"
#include "plait/reactor/protocols/http_server.hpp"
#include "plait/reactor/testing/memory_transport.hpp"

namespace plait::testing {

/// What those below have in common.
class ServedConnection {
public:
    /// No `Date`: tests compare whole answers. http_date_test.cpp has those that say when it is.
    ServedConnection() { options.date = false; }
    virtual ~ServedConnection() = default;

    /// A new connection; to the server that is there, or a new one with `options`.
    void open() {
        if (!factory) factory = serve_with(clock, options);
        transport.emplace(factory->build_protocol({"10.0.0.9", 1}));
    }

    /// What the server writes in answer to `text`, fed whole.
    std::string ask(std::string_view text) {
        if (!transport) open();
        transport->deliver(text);
        clock.advance(Duration::zero());
        transport->deliver_held();
        return transport->take_written();
    }

    ManualClock clock;
    HttpServerOptions options;
    std::shared_ptr<HttpServerFactory> factory;
    std::optional<MemoryTransport> transport;

protected:
    virtual std::shared_ptr<HttpServerFactory> serve_with(Clock& clock, HttpServerOptions options) = 0;
};

/// Whole requests; `serve`, or the test later, answers them.
struct AskedServer : ServedConnection {
    void echo() {
        serve = [](const HttpRequest& request, const HttpAnswer& answer) {
            answer->respond(200, {}, Bytes::own("you asked for " + request.head.target));
        };
    }

    /// The answer asked for last. The next request is looked at in the next turn.
    HttpAnswer last() {
        if (answers.empty()) throw std::logic_error("no answer was asked for");
        auto answer = std::move(answers.back());
        answers.pop_back();
        return answer;
    }

    std::function<void(const HttpRequest&, HttpAnswer)> serve;
    std::vector<std::string> asked;
    std::vector<HttpAnswer> answers;

protected:
    std::shared_ptr<HttpServerFactory> serve_with(Clock& with, HttpServerOptions wanted) override {
        auto handler = [this](HttpRequest request, HttpAnswer answer) {
            asked.push_back(request.head.method + " " + request.head.target + " " + request.body.str());
            answers.push_back(answer);
            if (serve) serve(request, std::move(answer));
        };
        return std::make_shared<HttpServerFactory>(with, std::move(handler), wanted);
    }
};

/// Requests as they begin; `serve`, or the test later, reads and answers them.
struct StreamingServer : ServedConnection {
    Deferred<Bytes> read() {
        auto piece = requests.back().body.read();
        clock.advance(Duration::zero());
        transport->deliver_held();
        return piece;
    }

    void respond(int status = 200) {
        auto answer = std::move(answers.back());
        answers.pop_back();
        answer->respond(status, {}, Bytes::borrow("done"));
    }

    std::function<void()> serve;
    std::vector<HttpIncoming> requests;
    std::vector<HttpAnswer> answers;

protected:
    std::shared_ptr<HttpServerFactory> serve_with(Clock& with, HttpServerOptions wanted) override {
        auto handler = [this](HttpIncoming request, HttpAnswer answer) {
            requests.push_back(std::move(request));
            answers.push_back(std::move(answer));
            if (serve) serve();
        };
        return HttpServerFactory::streaming(with, std::move(handler), wanted);
    }
};

constexpr std::string_view get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

inline std::string get_path(const std::string& path, const std::string& more = "") {
    return "GET " + path + " HTTP/1.1\r\nHost: h\r\n" + more + "\r\n";
}

inline std::string put(std::string_view more, std::string_view body = "") {
    return "PUT /a HTTP/1.1\r\nHost: h\r\n" + std::string(more) + "\r\n" + std::string(body);
}

}  // namespace plait::testing
