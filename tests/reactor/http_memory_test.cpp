// What a body may hold though it comes byte by byte: each byte here lies in a block of its own, which a slice keeps.
#define BOOST_TEST_MODULE http_memory
#include <fmt/format.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <utility>

#include "plait/deferred/testing/outcomes.hpp"
#include "plait/reactor/protocols/http_client.hpp"
#include "plait/tests/reactor/http_server_fixture.hpp"
#include "plait/tests/reactor/wired_connector.hpp"

using namespace plait;           // NOLINT
using namespace plait::testing;  // NOLINT

namespace {

/// A block as a transport has them, and how many are held.
struct Block final : plait::detail::BytesBlock {
    explicit Block(std::string with) : BytesBlock(&Block::free), text(std::move(with)) { ++held; }
    ~Block() { --held; }

    static void free(BytesBlock* block) noexcept { delete static_cast<Block*>(block); }

    static Bytes of(std::string text) {
        auto* const block = new Block(std::move(text));
        auto bytes = Bytes::share(block->text.data(), block->text.size(), block);
        block->references.fetch_sub(1);  // the bytes' alone
        return bytes;
    }

    const std::string text;
    static inline int held = 0;
};

constexpr int many = 5000;
/// For the first piece, and what is looked at.
constexpr int few = 2;

/// Delivers a body of `many` pieces, and returns how many blocks were held at most.
int deliver_in_chunks(MemoryTransport& transport, const std::string& piece) {
    int most = 0;
    const auto chunk = fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
    for (int i = 0; i < many; ++i) {
        transport.deliver(Block::of(chunk));
        most = std::max(most, Block::held);
    }
    transport.deliver(Block::of("0\r\n\r\n"));
    return most;
}

/// The same, until it is held up; nobody reads.
int deliver_until_paused(MemoryTransport& transport) {
    for (int i = 0; i < many && !transport.reading_paused(); ++i)
        transport.deliver(Block::of("1\r\nx\r\n"));
    return Block::held;
}

constexpr std::string_view head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

struct WiredClient {
    ~WiredClient() { connector->wire.reset(); }

    ManualClock clock;
    std::shared_ptr<WiredConnector> connector = std::make_shared<WiredConnector>();
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_request_gathered_by_a_server, AskedServer) {
    options.limits.body_bytes = 10'000'000;
    for (const auto& piece : {std::string("x"), std::string(1000, 'x')}) {
        transport.reset();
        ask(put("Transfer-Encoding: chunked\r\n"));
        BOOST_TEST(deliver_in_chunks(*transport, piece) <= few);
        BOOST_TEST_REQUIRE(asked.size() == 1U);
        BOOST_TEST(asked.back().size() == 7 + many * piece.size());
        asked.clear();
        answers.clear();
    }
    transport.reset();
    BOOST_TEST(Block::held == 0);
}

BOOST_FIXTURE_TEST_CASE(an_answer_gathered_by_a_client, WiredClient) {
    HttpClient client(clock, connector);
    auto response = client.get(Url::parse("http://db/"));
    connector->wire->deliver(head);
    BOOST_TEST(deliver_in_chunks(*connector->wire, "x") <= few);
    BOOST_TEST(success_of(response).body.size() == static_cast<std::size_t>(many));
    BOOST_TEST(Block::held == 0);
}

BOOST_FIXTURE_TEST_CASE(an_answer_gathered_by_a_fetch, WiredClient) {
    auto response = http_get(clock, *connector, Url::parse("http://db/"));
    connector->wire->deliver(head);
    BOOST_TEST(deliver_in_chunks(*connector->wire, "x") <= few);
    BOOST_TEST(success_of(response).body.size() == static_cast<std::size_t>(many));
    BOOST_TEST(Block::held == 0);
}

BOOST_FIXTURE_TEST_CASE(an_answer_that_nobody_reads, WiredClient) {
    HttpClient client(clock, connector);
    auto opened = client.open({.url = Url::parse("http://db/")});
    connector->wire->deliver(head);
    auto stream = success_of(opened);
    BOOST_TEST(deliver_until_paused(*connector->wire) <= 128);
    BOOST_TEST(connector->wire->reading_paused());
    for (int i = 0; i < 65; ++i) {
        auto piece = stream.body.read();
        BOOST_TEST(success_of(piece).view() == "x");
    }
    clock.advance(Duration::zero());
    BOOST_TEST(!connector->wire->reading_paused());
}

BOOST_FIXTURE_TEST_CASE(a_request_that_nobody_reads, StreamingServer) {
    options.limits.body_bytes.reset();
    ask(put("Transfer-Encoding: chunked\r\n"));
    BOOST_TEST(deliver_until_paused(*transport) <= 128);
    BOOST_TEST(transport->reading_paused());
}
