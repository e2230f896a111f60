// Test helper: servers that say what the test tells them to, and an HttpClient before them, over a network in memory.
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
#include "plait/deferred/testing/outcomes.hpp"
#include "plait/reactor/protocols/http_client.hpp"
#include "plait/reactor/testing/memory_network.hpp"

namespace plait::testing {

/// One connection at a server.
class Script : public Protocol {
public:
    explicit Script(std::string at) : host(std::move(at)) {}

    void data_received(const Bytes& data) override {
        received += data.view();
        if (when_asked && received.find("\r\n\r\n") != std::string::npos) when_asked(*this);
    }
    void connection_lost(const Failure& reason) override {
        lost = true;
        ended = reason.message();
    }

    void say(std::string_view text) { transport().write(text); }

    std::string host;
    std::string received;
    std::string ended;
    bool lost = false;
    std::function<void(Script&)> when_asked;
};

inline std::string answer(std::string_view body, std::string_view headers = "", std::string_view status = "200 OK") {
    return "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(headers) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

inline std::string body_of(Deferred<HttpResponse>& response) {
    return success_of(response).body.str();
}

struct HttpClientFixture {
    HttpClientFixture() { listen("db", 80); }

    void listen(const std::string& host, std::uint16_t port) {
        network.listen({host, port}, make_factory([this, host](const Address&) {
                           scripts.push_back(std::make_shared<Script>(host));
                           scripts.back()->when_asked = when_asked;
                           return scripts.back();
                       }));
    }

    /// The client, made with `options` when first asked for.
    HttpClient& client() {
        if (!made) made = std::make_unique<HttpClient>(clock, network.connector(), secure, options);
        return *made;
    }

    Deferred<HttpResponse> get(const std::string& url = "http://db/") { return client().get(Url::parse(url)); }

    /// Carries everything, and lets what is due at once happen.
    void settle() {
        for (int i = 0; i < 8; ++i) {
            network.flush();
            clock.advance(std::chrono::nanoseconds(0));
        }
        network.flush();
    }

    void say(std::size_t script, std::string_view text) {
        scripts.at(script)->say(text);
        settle();
    }

    /// Every request is answered with its own target.
    void echo() {
        when_asked = [](Script& script) {
            const auto target = script.received.substr(0, script.received.find(" HTTP/1."));
            script.received.clear();
            script.say(answer(target));
        };
    }

    ManualClock clock;
    MemoryNetwork network;
    std::shared_ptr<Connector> secure;
    HttpClientOptions options;
    std::function<void(Script&)> when_asked;
    std::vector<std::shared_ptr<Script>> scripts;
    std::unique_ptr<HttpClient> made;
};

/// Writes down what an HttpCall tells, one line an event.
class CallRecorder : public HttpResponseHandler {
public:
    void on_head(HttpResponseHead head) override { note("head " + std::to_string(head.status)); }
    void on_body(Bytes piece) override {
        body += piece.view();
        note("body");
    }
    void on_trailers(HttpHeaders) override { note("trailers"); }
    void on_complete() override { note("complete"); }
    void on_failure(const Failure& reason) override {
        failure = reason.message();
        note("failed");
    }

    std::string told() const {
        std::string text;
        for (const auto& event : events)
            text.append(text.empty() ? "" : " | ").append(event);
        return text;
    }

    std::vector<std::string> events;
    std::string body;
    std::string failure;
    std::function<void(const std::string&)> on_event;

private:
    void note(const std::string& event) {
        if (event != "body" || events.empty() || events.back() != "body") events.push_back(event);
        if (on_event) on_event(event);
    }
};

inline HttpClientRequest to(const std::string& url, std::string method = "GET") {
    HttpClientRequest request;
    request.method = std::move(method);
    request.url = Url::parse(url);
    return request;
}

inline HttpClientRequest put(HttpBodySource source) {
    auto request = to("http://db/", "PUT");
    request.source = std::move(source);
    return request;
}

/// Holds its body back.
inline HttpClientRequest put_if_asked(Bytes body) {
    auto request = to("http://db/", "PUT");
    request.body = std::move(body);
    request.expect_continue = true;
    return request;
}

/// The same with one call, told to a recorder.
struct CallFixture : HttpClientFixture {
    void start(HttpClientRequest request) { call = client().start(std::move(request), recorder); }

    /// Starts it and carries it to the server.
    void ask(HttpClientRequest request = to("http://db/")) {
        start(std::move(request));
        settle();
    }

    /// Asks for a stream, and answers with `text`, if any.
    Deferred<HttpStream> open(std::string_view text = "") {
        auto opened = client().open(to("http://db/x"));
        settle();
        if (!text.empty()) say(scripts.size() - 1, text);
        return opened;
    }

    CallRecorder recorder;
    std::unique_ptr<HttpCall> call;
};

/// A source whose pieces the test gives.
struct Tap {
    HttpBodySource source(std::optional<std::uint64_t> length = std::nullopt) {
        return {[this] {
                    ++asked;
                    auto [deferred, made] = make_deferred<Bytes>([this] { dropped = true; });
                    promise = std::move(made);
                    return std::move(deferred);
                },
                length};
    }
    void give(const std::string& text) {
        auto now = std::move(promise);
        now.callback(Bytes::copy(text));
    }
    void fail(const std::string& why) {
        auto now = std::move(promise);
        now.errback(make_failure(std::runtime_error(why)));
    }

    Promise<Bytes> promise;
    int asked = 0;
    bool dropped = false;
};

}  // namespace plait::testing
