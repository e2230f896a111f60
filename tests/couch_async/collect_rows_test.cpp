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
    auto outcome = collect_rows(client, {"d", "v"});
    settle();
    const auto view = success_of(outcome);
    BOOST_REQUIRE(view.rows.size() == 100U);
    BOOST_TEST(view.rows[7].id == "doc-00007");
    BOOST_TEST(view.rows[7].key == "\"doc-00007\"");
    BOOST_TEST(view.rows[7].value == R"({"n":7,"pad":"xxx"})");
    BOOST_TEST(view.rows[7].doc == "");
    BOOST_TEST(*view.meta.total_rows == 100U);
}

BOOST_FIXTURE_TEST_CASE(an_empty_view_is_an_empty_vector, Fixture) {
    server.add_view("db", "d", "v", ViewDocuments());
    auto outcome = collect_rows(client, {"d", "v"});
    settle();
    BOOST_TEST(success_of(outcome).rows.empty());
}

BOOST_FIXTURE_TEST_CASE(failures_are_those_of_the_stream, Fixture) {
    auto missing = collect_rows(client, {"d", "other"});
    auto nameless = collect_rows(client, {"d", ""});
    settle();
    failure_of<ViewNotFound>(missing);
    failure_of<std::invalid_argument>(nameless);
    server.next_request().cut_after_rows(50);
    auto cut = collect_rows(client, {"d", "v"});
    settle();
    failure_of<TruncatedBody>(cut);
}

BOOST_FIXTURE_TEST_CASE(more_rows_than_allowed_are_an_error, Fixture) {
    CollectLimits exact;
    exact.rows = 100;
    auto enough = collect_rows(client, {"d", "v"}, {}, exact);
    CollectLimits few;
    few.rows = 99;
    auto rows = collect_rows(client, {"d", "v"}, {}, few);
    CollectLimits small;
    small.bytes = 1000;
    auto bytes = collect_rows(client, {"d", "v"}, {}, small);
    settle();
    success_of(enough);
    failure_of<TooManyRows>(rows);
    failure_of<TooManyRows>(bytes);
}

BOOST_FIXTURE_TEST_CASE(dropping_it_closes_the_connection, Fixture) {
    server.every_request().stall_after_rows(10);
    bool told = false;
    auto dropped = collect_rows(client, {"d", "v"}).add_both([&](const Result<CollectedView>&) { told = true; });
    auto cancelled = collect_rows(client, {"d", "v"});
    settle();
    BOOST_TEST(network.open_connections() == 2U);
    dropped = {};
    cancelled.cancel();
    settle();
    BOOST_TEST(network.open_connections() == 0U);
    BOOST_TEST(!told);
    failure_of<Cancelled>(cancelled);
}
