// Requests, one after the other: to the parser, and to a server, which has to answer or to close.
#include "plait/deferred/testing/manual_clock.hpp"
#include "plait/reactor/protocols/http_server.hpp"
#include "plait/reactor/testing/memory_transport.hpp"
#include "plait/tests/fuzz/http_messages.hpp"

namespace plait::fuzz {

namespace {

std::string answers_to(const Pieces& pieces) {
    testing::ManualClock clock;
    HttpServerOptions options;
    options.limits = fuzzed_limits;
    options.date = false;  // answers are compared, and a second may pass between them
    auto factory = std::make_shared<HttpServerFactory>(
        clock,
        [](const HttpRequest& request, const HttpAnswer& answer) {
            answer->respond(200, {}, Bytes::copy(request.head.target));
        },
        options);
    testing::MemoryTransport transport(factory->build_protocol({"10.0.0.9", 1}));
    transport.set_accepting(true);
    for (const auto& piece : pieces) {
        transport.deliver(Bytes::copy(piece));
        clock.advance(Duration::zero());
    }
    transport.deliver_end();
    clock.advance(std::chrono::minutes(5));
    expect(transport.disconnecting(), "a server closes when its client has");
    auto written = transport.written();
    transport.lose_cleanly();
    expect(clock.pending_calls() == 0, "a connection that is gone leaves nothing behind");
    return written;
}

}  // namespace

void one_input(std::string_view input) {
    same_however_cut<HttpRequestHead>(input);
    const auto ways = ways_to_cut(input);
    const auto whole = answers_to(ways.front());
    for (const auto& pieces : ways)
        expect_same(answers_to(pieces), whole, "answers are the same however requests are cut");
}

}  // namespace plait::fuzz
