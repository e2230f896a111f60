// A stream whose bytes are cut and lost at every possible place.
#define BOOST_TEST_MODULE view_cut
#include <boost/test/unit_test.hpp>

#include "plait/tests/couch_async/view_world.hpp"

using namespace plait;
using namespace plait::couch_async;
using namespace plait::couch_async::testing;

namespace {

struct Fixture : World {
    explicit Fixture(Dialect spoken = Dialect::couchdb) : World(options(spoken)) {
        ViewDocuments documents;
        documents.add("plain", "1", "null");
        documents.add("quote\"and\\slash", "2", R"({"text":"[{\"}]\\","deep":[[[{}]]]})");
        documents.add("umlaut-\xc3\xa4-\xf0\x9f\x90\x8d", "[3,\"\xc3\xa4\"]", R"("\ud83d\udc0d")");
        documents.add("last", "{\"k\":4}", "-1.5e-7");
        server.add_view("db", "d", "v", std::move(documents));
    }

    static ViewServerOptions options(Dialect spoken) {
        ViewServerOptions made;
        made.dialect = spoken;
        return made;
    }

    Record run() {
        Recorder view(client);
        auto outcome = view.start();
        settle();
        BOOST_REQUIRE(view.record->terminals() == (outcome.take().has_value() ? "done " : "error done "));
        BOOST_REQUIRE(network.open_connections() == 0U);
        return *view.record;
    }

    /// The text up to the last byte that matters, and the whole of the wire.
    void measure() {
        const auto before = server.counts().bytes;
        whole = run();
        wire_bytes = server.counts().bytes - before;
        BOOST_REQUIRE(whole.ids.size() == 4U);
    }

    Record whole;
    std::uint64_t wire_bytes = 0;
};

}  // namespace

BOOST_AUTO_TEST_CASE(however_the_body_is_split_the_events_are_the_same) {
    for (const auto dialect : {Dialect::couchdb, Dialect::couchbase}) {
        Fixture world(dialect);
        world.measure();
        for (std::size_t size = 1; size < 120; ++size) {
            world.server.next_request().chunk_bytes(size);
            const auto record = world.run();
            BOOST_REQUIRE_EQUAL(record.rows_text, world.whole.rows_text);
            BOOST_REQUIRE(record.ids == world.whole.ids);
            BOOST_REQUIRE_EQUAL(record.meta->text, world.whole.meta->text);
        }
        for (std::uint64_t seed = 1; seed < 100; ++seed) {
            world.network.set_bytes_per_step(seed % 11);
            world.server.next_request().random_chunks(seed, 40);
            BOOST_REQUIRE_EQUAL(world.run().rows_text, world.whole.rows_text);
        }
    }
}

BOOST_AUTO_TEST_CASE(wherever_the_connection_is_cut_there_is_one_error_and_the_rows_before_it) {
    for (const auto dialect : {Dialect::couchdb, Dialect::couchbase}) {
        Fixture world(dialect);
        world.measure();
        std::size_t rows = 0;
        std::uint64_t failed = 0;
        for (std::uint64_t bytes = 0; bytes < world.wire_bytes; ++bytes) {
            world.server.next_request().cut_after_wire_bytes(bytes);
            const auto record = world.run();
            BOOST_REQUIRE(world.whole.rows_text.starts_with(record.rows_text));
            BOOST_REQUIRE(record.ids.size() >= rows);
            rows = record.ids.size();
            if (!record.error) continue;
            ++failed;
            if (const auto* error = record.error_as<TruncatedBody>()) BOOST_REQUIRE(error->rows() == rows);
        }
        BOOST_TEST(rows == 4U);
        // Only what follows the document's closing bracket may be missing: a line end and the last chunk.
        BOOST_TEST(failed >= world.wire_bytes - 10);
    }
}

BOOST_AUTO_TEST_CASE(wherever_the_json_stops_it_is_a_truncated_body) {
    Fixture world;
    world.measure();
    const std::uint64_t document = world.whole.meta->text.size() + world.whole.rows_text.size();
    for (std::uint64_t bytes = 1; bytes + 20 < document; ++bytes) {
        world.server.next_request().finish_after_bytes(bytes);
        const auto record = world.run();
        BOOST_REQUIRE(record.error);
        BOOST_REQUIRE_MESSAGE(record.error_as<TruncatedBody>() != nullptr, record.error->message());
        BOOST_REQUIRE(record.error_as<TruncatedBody>()->rows() == record.ids.size());
        BOOST_REQUIRE(world.whole.rows_text.starts_with(record.rows_text));
    }
}

BOOST_AUTO_TEST_CASE(wherever_it_stalls_it_goes_on_as_if_nothing_had_been) {
    Fixture world;
    world.measure();
    for (std::uint64_t bytes = 0; bytes < 200; ++bytes) {
        world.server.next_request().stall_after_bytes(bytes);
        Recorder view(world.client);
        auto outcome = view.start();
        world.settle();
        BOOST_REQUIRE(!outcome.ready());
        world.server.release_stalled();
        world.settle();
        success_of(outcome);
        BOOST_REQUIRE(view.record->rows_text == world.whole.rows_text);
    }
}
