// The corpus of bad input, fed to the parsers, to a server and to a client: whole, byte by byte and in random cuts.
#define BOOST_TEST_MODULE http_corpus
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plait/deferred/testing/manual_clock.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/protocols/http_server.hpp"
#include "plait/reactor/testing/cuts.hpp"
#include "plait/reactor/testing/memory_transport.hpp"
#include "plait/tests/reactor/http_corpus.hpp"
#include "plait/tests/reactor/http_recorder.hpp"
#include "plait/tests/reactor/http_scripts.hpp"

using namespace plait;                 // NOLINT
using namespace plait::testing;        // NOLINT
using namespace std::chrono_literals;  // NOLINT

namespace {

const std::string corpus = PLAIT_HTTP_CORPUS;

/// Few: the corpus is large, and some of its cases are.
std::vector<Pieces> some_ways_to_cut(std::string_view text) {
    std::vector<Pieces> ways{{std::string(text)}, cut_every(text, 1)};
    for (std::uint64_t seed = 0; seed < 8; ++seed)
        ways.push_back(cut_at_random(text, seed, 24));
    return ways;
}

/// What the server does with `pieces` and the end: its verdict, as the corpus writes it.
std::string served(const Pieces& pieces) {
    ManualClock clock;
    int taken = 0;
    auto factory = std::make_shared<HttpServerFactory>(clock, [&taken](const HttpRequest&, const HttpAnswer& answer) {
        ++taken;
        answer->respond(200, {}, Bytes());
    });
    MemoryTransport transport(factory->build_protocol({"10.0.0.9", 1}));
    transport.set_accepting(true);
    for (const auto& piece : pieces) {
        transport.deliver(piece);
        clock.advance(0s);
    }
    transport.deliver_held();
    clock.advance(0s);
    const bool refused = transport.write_closed();
    transport.deliver_end();
    clock.advance(0s);
    if (!transport.disconnecting()) return "left open";
    transport.lose_cleanly();
    if (clock.pending_calls() != 0) return "left a timer";
    const auto& written = transport.written();
    const auto sentence = written.rfind("\r\n\r\n");
    const auto status = refused ? written.substr(written.rfind("HTTP/1.1 ", sentence) + 9, 3) : "";
    if (refused && status != "200") return status + written.substr(sentence);
    if (taken > 0) return "taken " + std::to_string(taken);
    return transport.written().empty() ? "cut" : "answered";
}

/// What a client that asked makes of `pieces` and the end.
struct Asked : HttpClientFixture {
    std::string ask(const Pieces& pieces) {
        options.limits.body_bytes = 1000;
        auto response = get();
        settle();
        for (const auto& piece : pieces) {
            if (scripts.back()->lost) break;
            scripts.back()->say(piece);
            network.flush();
        }
        settle();
        const bool kept = client().idle_connections() == 1;
        if (!scripts.back()->lost) scripts.back()->transport().lose_connection();
        settle();
        if (client().connections() != 0) return "left open";
        if (!response.ready()) return "left waiting";
        auto result = response.take();
        if (result.has_value()) {
            return "taken " + std::to_string(result.value().head.status) + (kept ? "" : " and closed");
        }
        const auto& failure = result.failure();
        const std::string sentence = failure.exception()->what();
        if (!sentence.starts_with("GET http://db")) return "nameless: " + sentence;
        if (failure.check<HttpMalformed>() != nullptr) return "malformed " + sentence;
        if (failure.check<HttpLimitExceeded>() != nullptr) return "limit " + sentence;
        if (failure.check<HttpTruncated>() != nullptr) return "cut " + sentence;
        return failure.message();
    }
};

void check(const HttpCase& expected, const std::string& verdict) {
    const bool right = verdict.starts_with(expected.verdict) && verdict.find(expected.part) != std::string::npos;
    BOOST_TEST(right, expected.name << ": " << verdict << " instead of " << expected.verdict << " " << expected.part);
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_parsers_say_the_same_however_it_is_cut) {
    for (const auto& one : http_cases(corpus + "/requests.txt"))
        BOOST_CHECK_NO_THROW(parse_request(one.bytes, {.limits = {.body_bytes = 1 << 20}}));
    for (const auto& one : http_cases(corpus + "/responses.txt"))
        BOOST_CHECK_NO_THROW(parse_response(one.bytes, {.limits = {.body_bytes = 1000}}));
}

BOOST_AUTO_TEST_CASE(a_server_answers_each_request_as_it_should) {
    const auto cases = http_cases(corpus + "/requests.txt");
    BOOST_TEST(cases.size() > 80U);
    for (const auto& one : cases) {
        for (const auto& pieces : some_ways_to_cut(one.bytes))
            check(one, served(pieces));
    }
}

BOOST_AUTO_TEST_CASE(a_client_takes_each_answer_as_it_should) {
    const auto cases = http_cases(corpus + "/responses.txt");
    BOOST_TEST(cases.size() > 40U);
    for (const auto& one : cases) {
        for (const auto& pieces : some_ways_to_cut(one.bytes)) {
            Asked asked;
            const auto verdict = asked.ask(pieces);
            check(one, verdict);
            if (one.verdict == "taken")
                BOOST_TEST(verdict == one.verdict + " " + one.part, one.name << ": " << verdict);
        }
    }
}
