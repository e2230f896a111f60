// Test helper: one HttpExchange before a server that says what the test tells it to, over a network in memory.
#pragma once

#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "plait/deferred/testing/manual_clock.hpp"
#include "plait/reactor/protocols/http_exchange.hpp"
#include "plait/reactor/testing/memory_network.hpp"
#include "plait/reactor/testing/recorder.hpp"

namespace plait::testing {

/// Writes down what it is told, one line an event.
class ExchangeRecorder : public HttpResponseHandler {
public:
    void on_head(HttpResponseHead head) override { note("head " + std::to_string(head.status)); }
    void on_body(Bytes piece) override { note("body " + piece.str()); }
    void on_complete() override { note("complete"); }
    void on_failure(const Failure& reason) override {
        failure = reason;
        note("failed");
    }

    std::string told() {
        std::string text;
        for (const auto& event : events)
            text.append(text.empty() ? "" : " | ").append(event);
        return text;
    }

    std::vector<std::string> events;
    std::optional<Failure> failure;
    std::function<void(const std::string&)> on_event;

private:
    void note(const std::string& event) {
        events.push_back(event);
        if (on_event) on_event(event);
    }
};

struct ExchangeFixture {
    ExchangeFixture() {
        network.listen(where,
                       make_factory([this](const Address&) { return server = std::make_shared<ProtocolRecorder>(); }));
    }

    void start(HttpRequest request = make_http_request(Url::parse("http://db:5984/x?y"))) {
        exchange.emplace(clock, *connector, where, std::move(request), recorder, options);
    }

    void say(std::string_view text) {
        server->transport().write(text);
        network.flush();
    }

    /// Starts and carries the request over.
    void ask() {
        start();
        network.flush();
    }

    template <typename E>
    const E& failed_with() {
        BOOST_TEST_REQUIRE(recorder.failure.has_value());
        const auto* const error = recorder.failure->check<E>();
        BOOST_TEST_REQUIRE((error != nullptr), recorder.failure->message());
        return *error;
    }

    const HostPort where{"db", 5984};
    ManualClock clock;
    MemoryNetwork network;
    std::shared_ptr<Connector> connector = network.connector();
    std::shared_ptr<ProtocolRecorder> server;
    HttpExchangeOptions options;
    ExchangeRecorder recorder;
    std::optional<HttpExchange> exchange;
};

constexpr std::string_view chunked_head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

}  // namespace plait::testing
