#define BOOST_TEST_MODULE collect_rows
#include <boost/test/unit_test.hpp>

#include "plait/couch_async/view/collect_rows.hpp"
#include "plait/tests/couch_async/view_world.hpp"

using namespace plait;
using namespace plait::couch_async;
using namespace plait::couch_async::testing;

namespace {

struct Fixture : World {
    Fixture() { server.add_view("db", "d", "v", numbered(100)); }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(all_rows_come_at_once, Fixture) {
    Outcome<CollectedView> outcome(collect_rows(client, {"d", "v"}));
    settle();
    BOOST_REQUIRE(outcome.value());
    const auto& view = *outcome.value();
    BOOST_REQUIRE(view.rows.size() == 100U);
    BOOST_TEST(view.rows[7].id == "doc-00007");
    BOOST_TEST(view.rows[7].key == "\"doc-00007\"");
    BOOST_TEST(view.rows[7].value == R"({"n":7,"pad":"xxx"})");
    BOOST_TEST(view.rows[7].doc == "");
    BOOST_TEST(*view.meta.total_rows == 100U);
}

BOOST_FIXTURE_TEST_CASE(an_empty_view_is_an_empty_vector, Fixture) {
    server.add_view("db", "d", "v", ViewDocuments());
    Outcome<CollectedView> outcome(collect_rows(client, {"d", "v"}));
    settle();
    BOOST_REQUIRE(outcome.value());
    BOOST_TEST(outcome.value()->rows.empty());
}

BOOST_FIXTURE_TEST_CASE(failures_are_those_of_the_stream, Fixture) {
    Outcome<CollectedView> missing(collect_rows(client, {"d", "other"}));
    Outcome<CollectedView> nameless(collect_rows(client, {"d", ""}));
    settle();
    BOOST_TEST(missing.error<ViewNotFound>() != nullptr);
    BOOST_TEST(nameless.error<std::invalid_argument>() != nullptr);
    server.next_request().cut_after_rows(50);
    Outcome<CollectedView> cut(collect_rows(client, {"d", "v"}));
    settle();
    BOOST_TEST(cut.error<TruncatedBody>() != nullptr);
}

BOOST_FIXTURE_TEST_CASE(more_rows_than_allowed_are_an_error, Fixture) {
    CollectLimits exact;
    exact.rows = 100;
    Outcome<CollectedView> enough(collect_rows(client, {"d", "v"}, {}, exact));
    CollectLimits few;
    few.rows = 99;
    Outcome<CollectedView> rows(collect_rows(client, {"d", "v"}, {}, few));
    CollectLimits small;
    small.bytes = 1000;
    Outcome<CollectedView> bytes(collect_rows(client, {"d", "v"}, {}, small));
    settle();
    BOOST_TEST(enough.value().has_value());
    BOOST_TEST(rows.error<TooManyRows>() != nullptr);
    BOOST_TEST(bytes.error<TooManyRows>() != nullptr);
}

BOOST_FIXTURE_TEST_CASE(dropping_it_closes_the_connection, Fixture) {
    server.every_request().stall_after_rows(10);
    Outcome<CollectedView> dropped(collect_rows(client, {"d", "v"}));
    Outcome<CollectedView> cancelled(collect_rows(client, {"d", "v"}));
    settle();
    BOOST_TEST(network.open_connections() == 2U);
    dropped.drop();
    cancelled.cancel();
    settle();
    BOOST_TEST(network.open_connections() == 0U);
    BOOST_TEST(!dropped.fired());
    BOOST_TEST(cancelled.error<Cancelled>() != nullptr);
}
