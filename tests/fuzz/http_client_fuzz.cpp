// What a server sends, to a client that keeps connections, follows redirections and decodes. The first byte says what
// is asked for and whether the server closes; the rest of the input is its answer to every request.
#include "plait/deferred/testing/manual_clock.hpp"
#include "plait/reactor/protocols/http_client.hpp"
#include "plait/reactor/testing/memory_network.hpp"
#include "plait/tests/fuzz/http_messages.hpp"

namespace plait::fuzz {

namespace {

using std::chrono_literals::operator""min;

struct Script {
    std::string_view method;
    bool with_body;
    bool closes;
    std::string answer;
};

Script read_script(std::string_view input) {
    const auto how = static_cast<unsigned char>(input.front());
    const char* const methods[] = {"GET", "HEAD", "POST", "PUT"};
    return {methods[how & 3U], (how & 2U) != 0, (how & 4U) != 0, std::string(input.substr(1))};
}

/// A redirection may be followed on the connection that it came by. What is behind it there is then the next answer, or
/// too much, as the bytes happen to come.
bool may_lead_on(std::string_view answer) {
    for (const char* const status : {"301", "302", "303", "307", "308"})
        if (answer.find(status) != std::string_view::npos) return true;
    return false;
}

class Server final : public Protocol, public HttpRequestParser::Handler {
public:
    explicit Server(const Script& script) : script_(script) {}

private:
    void data_received(const Bytes& data) override { parser_.feed(data); }
    void on_head(HttpRequestHead) override {}
    void on_body(Bytes) override {}
    void on_complete() override {
        transport().write(script_.answer);
        if (script_.closes) transport().lose_connection();
    }

    const Script& script_;
    HttpRequestParser parser_{*this};
};

HttpClientOptions small_options() {
    HttpClientOptions options;
    options.limits = fuzzed_limits;
    options.response_bytes = 2000;
    options.decoding.ratio = 0;
    options.redirections = 3;
    options.connections = 2;
    return options;
}

std::string outcome(const Result<HttpResponse>& result) {
    if (!result) return result.failure().message() + "\n";
    const HttpResponse& answer = result.value();
    expect(answer.body.size() <= 2000, "what is held is bounded");
    std::string said = std::to_string(answer.head.status) + " ";
    for (const auto& [name, value] : answer.head.headers)
        said.append(name).append("=").append(value).append(" ");
    return said.append(answer.body.view()).append("\n");
}

/// Two requests, one after the other: what they came to.
std::string ask_twice(const Script& script, std::size_t bytes_per_step) {
    testing::ManualClock clock;
    testing::MemoryNetwork network;
    network.set_bytes_per_step(bytes_per_step);
    network.listen({"h", 80}, make_factory([&](const Address&) { return std::make_shared<Server>(script); }));
    std::string said;
    {
        HttpClient client(clock, network.connector(), small_options());
        for (int round = 0; round < 2; ++round) {
            HttpClientRequest request;
            request.method = script.method;
            request.url = Url::parse("http://user:secret@h/path?query");
            if (script.with_body) request.body = Bytes::borrow("body");
            bool ended = false;
            const auto asking = client.request(std::move(request)).add_both([&](const Result<HttpResponse>& result) {
                said += outcome(result);
                ended = true;
            });
            for (int minutes = 0; minutes < 60 && !ended; ++minutes) {
                network.flush(1'000'000);
                clock.advance(1min);
            }
            expect(ended, "a request comes to an end");
            network.flush(1'000'000);
        }
        expect(client.connections() <= 2 && client.waiting() == 0, "connections are bounded");
    }
    network.flush(1'000'000);
    expect(network.open_connections() == 0, "a client that is gone leaves no connection");
    expect(clock.pending_calls() == 0, "and no timer");
    return said;
}

}  // namespace

void one_input(std::string_view input) {
    if (input.empty()) return;
    const Script script = read_script(input);
    const auto whole = ask_twice(script, 0);
    const auto byte_by_byte = ask_twice(script, 1);
    const auto in_pieces = ask_twice(script, 7);
    if (may_lead_on(script.answer)) return;
    expect_same(byte_by_byte, whole, "answers are the same byte by byte");
    expect_same(in_pieces, whole, "and in pieces");
}

}  // namespace plait::fuzz
