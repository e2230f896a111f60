// The grammar of a stream: what is called for each way in which a view can end.
#define BOOST_TEST_MODULE view_stream
#include <boost/test/unit_test.hpp>
#include <stdexcept>

#include "plait/couch_async/view/body_error.hpp"
#include "plait/deferred/testing/caught_reports.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/protocols/http_errors.hpp"
#include "plait/reactor/protocols/url.hpp"
#include "plait/tests/couch_async/view_world.hpp"

using namespace plait;
using namespace plait::couch_async;
using namespace plait::couch_async::testing;

namespace {

struct Fixture : World {
    explicit Fixture(Dialect spoken = Dialect::couchdb) : World(options(spoken)) {
        server.add_view("db", "d", "v", numbered(20));
    }

    static ViewServerOptions options(Dialect spoken) {
        ViewServerOptions made;
        made.dialect = spoken;
        return made;
    }

    /// Runs a stream to its end.
    Record run(ViewSpec spec = {"d", "v"}, ViewOptions options = {}) {
        Recorder view(client, {}, options, std::move(spec));
        auto outcome = view.start();
        settle();
        return checked(view, outcome);
    }

    /// One terminal each, and the Deferred says the same as the callbacks.
    static Record checked(const Recorder& view, Deferred<ViewMeta>& outcome) {
        const auto result = outcome.take();
        BOOST_TEST(!view.running());
        const Record& record = *view.record;
        BOOST_TEST(record.terminals() == (result.has_value() ? "done " : "error done "));
        if (!result.has_value() && record.error) BOOST_TEST(result.failure().message() == record.error->message());
        BOOST_TEST(view.rows_returned() == record.ids.size());
        return record;
    }
};

struct CouchbaseFixture : Fixture {
    CouchbaseFixture() : Fixture(Dialect::couchbase) {}
};

bool contains(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(rows_arrive_in_order_and_then_done, Fixture) {
    const auto record = run();
    BOOST_TEST(record.ids == numbered_ids(20), boost::test_tools::per_element());
    BOOST_TEST(*record.meta->total_rows == 20U);
    BOOST_TEST(*record.meta->offset == 0U);
    BOOST_TEST(network.open_connections() == 0U);
}

BOOST_FIXTURE_TEST_CASE(couchbase_has_no_offset, CouchbaseFixture) {
    const auto record = run();
    BOOST_TEST(record.ids == numbered_ids(20), boost::test_tools::per_element());
    BOOST_TEST(*record.meta->total_rows == 20U);
    BOOST_TEST(!record.meta->offset);
}

BOOST_FIXTURE_TEST_CASE(an_empty_view_is_done_without_rows, Fixture) {
    server.add_view("db", "d", "v", ViewDocuments());
    const auto record = run();
    BOOST_TEST(record.batches.empty());
    BOOST_TEST(*record.meta->total_rows == 0U);
}

BOOST_FIXTURE_TEST_CASE(nothing_is_called_before_start_has_returned, Fixture) {
    network.close_port({"couch", 5984});
    Recorder view(client);
    BOOST_TEST(!view.running());
    auto started = view.start();
    BOOST_TEST(!started.ready());
    BOOST_TEST(view.running());
    BOOST_TEST(view.record->events.empty());
    settle();
    failure_of<ConnectionRefused>(started);
}

BOOST_FIXTURE_TEST_CASE(batches_are_bounded_by_rows, Fixture) {
    ViewOptions options;
    options.batch.rows = 7;
    const auto record = run({"d", "v"}, options);
    BOOST_TEST(record.batches == (std::vector<std::size_t>{7, 7, 6}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(batches_are_bounded_by_bytes, Fixture) {
    ViewOptions options;
    options.batch.bytes = 1;
    const auto record = run({"d", "v"}, options);
    BOOST_TEST(record.batches == std::vector<std::size_t>(20, 1), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(rows_wait_for_others_no_longer_than_the_delay, Fixture) {
    server.every_request().slow(60, 1s);
    ViewOptions options;
    options.batch.rows = 6;
    options.batch_delay = 2500ms;
    Recorder view(client, {}, options);
    auto outcome = view.start();
    for (int i = 0; i < 60; ++i)
        pass(500ms);
    success_of(outcome);
    BOOST_TEST(view.record->ids.size() == 20U);
    for (const auto size : view.record->batches)
        BOOST_TEST(size <= 3U);
    BOOST_TEST(view.record->batches.size() < 15U);
}

BOOST_FIXTURE_TEST_CASE(requests_are_made_as_servers_like_them, Fixture) {
    ViewServerOptions guarded;
    guarded.user = "reader";
    guarded.password = "s:e@c";
    ViewServer locked(clock, guarded);
    locked.add_view("my db", "d/e", "v w", numbered(1));
    network.listen({"locked", 80}, locked.factory());
    ViewClient there(clock, network.connector(), "http://reader:s%3Ae%40c@locked/my%20db/");
    Recorder view(there, {}, {}, {"d/e", "v w"});
    auto outcome = view.start();
    settle();
    checked(view, outcome);
    BOOST_TEST(locked.last_request().target == "/my%20db/_design/d%2Fe/_view/v%20w");
    BOOST_TEST(locked.last_request().method == "GET");
    BOOST_TEST(*locked.last_request().headers.find("Accept") == "application/json");
    BOOST_TEST(*locked.last_request().headers.find("Accept-Encoding") == "identity");
    BOOST_TEST(*locked.last_request().headers.find("Host") == "locked");

    Recorder dev(there, {}, {}, {"d", "v", true});
    auto dev_outcome = dev.start();
    settle();
    BOOST_TEST(locked.last_request().target == "/my%20db/_design/dev_d/_view/v");
    BOOST_TEST(!contains(failure_of<ViewNotFound>(dev_outcome).what(), "s:e@c"));
}

BOOST_FIXTURE_TEST_CASE(a_query_selects_rows, Fixture) {
    ViewQuery query;
    query.startkey("\"doc-00005\"").startkey_docid("doc-00005").endkey("\"doc-00008\"").inclusive_end(false);
    Recorder view(client, query);
    auto outcome = view.start();
    settle();
    const auto record = checked(view, outcome);
    BOOST_TEST(record.ids == (std::vector<std::string>{"doc-00005", "doc-00006", "doc-00007"}),
               boost::test_tools::per_element());
    BOOST_TEST(*record.meta->offset == 5U);

    BOOST_CHECK_THROW(Recorder(client, ViewQuery().key("1").startkey("1").keys("[1]")), std::invalid_argument);
    BOOST_CHECK_THROW(Recorder(client, ViewQuery().full_set(true)), std::invalid_argument);  // Couchbase's
}

BOOST_FIXTURE_TEST_CASE(a_query_too_long_for_an_address_is_posted, Fixture) {
    std::vector<std::string> keys;
    for (int i = 0; i < 2000; ++i)
        keys.push_back(fmt::format("\"doc-{:05}\"", 19 - i % 20));
    for (const auto spoken : {Dialect::couchdb, Dialect::couchbase}) {
        ViewServerOptions same;
        same.dialect = spoken;
        ViewServer other(clock, same);
        other.add_view("db", "d", "v", numbered(20));
        network.listen({"other", 80}, other.factory());
        Recorder view(ViewClient(clock, network.connector(), "http://other/db", spoken),
                      ViewQuery().keys(keys).limit(1500));
        auto outcome = view.start();
        settle();
        const auto record = checked(view, outcome);
        BOOST_TEST(other.last_request().method == "POST");
        BOOST_TEST(other.last_request().target.size() < 2048U);
        BOOST_TEST(*other.last_request().headers.find("Content-Type") == "application/json");
        BOOST_REQUIRE(record.ids.size() == 1500U);
        BOOST_TEST(record.ids.front() == "doc-00019");
        BOOST_TEST(record.ids.back() == "doc-00000");
    }
}

BOOST_FIXTURE_TEST_CASE(an_unknown_view_is_not_found, Fixture) {
    const auto record = run({"d", "other"});
    const auto* error = record.error_as<ViewNotFound>();
    BOOST_REQUIRE(error != nullptr);
    BOOST_TEST(error->status() == 404);
    BOOST_TEST(error->error() == "not_found");
    BOOST_TEST(error->reason() == "missing_named_view");
    BOOST_TEST(contains(error->what(), "http://couch:5984/db/_design/d/_view/other"));
    BOOST_TEST(contains(error->what(), "missing_named_view"));
}

BOOST_FIXTURE_TEST_CASE(each_status_has_its_type, Fixture) {
    const auto with = [this](int status) {
        server.next_request().status(status, "word", "sentence");
        return run();
    };
    BOOST_TEST(with(400).error_as<BadViewQuery>() != nullptr);
    BOOST_TEST(with(401).error_as<AccessDenied>() != nullptr);
    BOOST_TEST(with(403).error_as<AccessDenied>() != nullptr);
    BOOST_TEST(with(404).error_as<ViewNotFound>() != nullptr);
    BOOST_TEST(with(412).error_as<HttpStatusError>() != nullptr);
    BOOST_TEST(with(412).error_as<ViewUnavailable>() == nullptr);
    for (const int status : {408, 429, 500, 503}) {
        const auto record = with(status);
        const auto* error = record.error_as<ViewUnavailable>();
        BOOST_REQUIRE(error != nullptr);
        BOOST_TEST(error->status() == status);
        BOOST_TEST(error->error() == "word");
        BOOST_TEST(error->reason() == "sentence");
    }
}

BOOST_FIXTURE_TEST_CASE(a_redirect_is_told_with_its_address, Fixture) {
    server.next_request().redirect("http://elsewhere/db", 301);
    const auto record = run();
    const auto* error = record.error_as<ViewRedirected>();
    BOOST_REQUIRE(error != nullptr);
    BOOST_TEST(error->location() == "http://elsewhere/db");
    BOOST_TEST(contains(error->what(), "http://elsewhere/db"));
    BOOST_TEST(server.counts().requests == 1U);
}

BOOST_FIXTURE_TEST_CASE(error_bodies_need_not_be_json_nor_complete, Fixture) {
    server.next_request().status(502).body("<html>Bad gateway</html>");
    auto record = run();
    BOOST_REQUIRE(record.error_as<ViewUnavailable>() != nullptr);
    BOOST_TEST(record.error_as<ViewUnavailable>()->reason() == "<html>Bad gateway</html>");

    server.next_request().status(429).body("slow\x1b[31m down\r\n");
    record = run();
    BOOST_REQUIRE(record.error_as<ViewUnavailable>() != nullptr);
    BOOST_TEST(record.error_as<ViewUnavailable>()->reason() == "slow [31m down  ");
    BOOST_TEST(contains(record.error_as<ViewUnavailable>()->what(), "try again later"));

    server.next_request().status(404, "not_found", "missing").content_length(10'000);
    record = run();
    BOOST_REQUIRE(record.error_as<ViewNotFound>() != nullptr);
    BOOST_TEST(record.error_as<ViewNotFound>()->reason() == "missing");

    server.next_request().status(500).body(std::string(1'000'000, 'x')).chunk_bytes(1000);
    record = run();
    BOOST_REQUIRE(record.error_as<ViewUnavailable>() != nullptr);
    BOOST_TEST(record.error_as<ViewUnavailable>()->reason().size() == 200U);
    BOOST_TEST(server.counts().bytes < 300'000U);
}

BOOST_FIXTURE_TEST_CASE(a_refused_connection_is_told_as_it_is, Fixture) {
    network.close_port({"couch", 5984});
    BOOST_TEST(run().error_as<ConnectionRefused>() != nullptr);
}

BOOST_FIXTURE_TEST_CASE(an_answer_that_is_not_http_is_told_as_it_is, Fixture) {
    server.next_request().garbage("220 mail ready\r\n\r\n");
    BOOST_TEST(run().error_as<HttpMalformed>() != nullptr);
}

BOOST_FIXTURE_TEST_CASE(a_connection_closed_without_an_answer_is_a_truncated_one, Fixture) {
    for (const std::uint64_t bytes : {0, 5, 40}) {
        server.next_request().cut_after_wire_bytes(bytes);
        const auto record = run();
        BOOST_REQUIRE(record.error_as<TruncatedBody>() != nullptr);
        BOOST_TEST(record.error_as<TruncatedBody>()->rows() == 0U);
    }
}

BOOST_FIXTURE_TEST_CASE(a_cut_body_is_an_error_after_the_rows_that_came, Fixture) {
    for (const bool broken : {false, true}) {
        if (broken) {
            server.next_request().stall_after_rows(12);
        } else {
            server.next_request().cut_after_rows(12);
        }
        Recorder view(client);
        auto outcome = view.start();
        settle();
        if (broken) network.break_connections({"couch", 5984});
        settle();
        const auto record = checked(view, outcome);
        const auto* error = record.error_as<TruncatedBody>();
        BOOST_REQUIRE(error != nullptr);
        BOOST_TEST(contains(error->what(), "12 complete rows"));
        BOOST_TEST(error->rows() == 12U);
        BOOST_TEST(record.ids == numbered_ids(12), boost::test_tools::per_element());
        BOOST_TEST(*record.meta->total_rows == 20U);
    }
}

BOOST_FIXTURE_TEST_CASE(json_that_stops_is_an_error_though_http_ended_well, Fixture) {
    server.next_request().finish_after_rows(12);
    const auto record = run();
    const auto* error = record.error_as<TruncatedBody>();
    BOOST_REQUIRE(error != nullptr);
    BOOST_TEST(error->rows() == 12U);
    BOOST_TEST(record.ids.size() == 12U);
}

BOOST_FIXTURE_TEST_CASE(a_content_length_that_lies_is_an_error, Fixture) {
    server.next_request().content_length(100'000);
    BOOST_TEST(!run().error);  // every byte of the document came: nothing is missing
    server.next_request().content_length(200);
    const auto record = run();
    BOOST_TEST(record.error_as<TruncatedBody>() != nullptr);
}

BOOST_FIXTURE_TEST_CASE(a_whole_document_is_a_success_though_the_last_chunk_is_missing, Fixture) {
    server.next_request().body(R"({"rows":[{"id":"a"}]})").cut_after_bytes(21);
    const auto record = run();
    BOOST_TEST(!record.error);
    BOOST_TEST(record.ids.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_body_that_is_no_view_is_an_error, Fixture) {
    const auto fault_of = [this](const char* body) {
        server.next_request().body(body);
        const auto record = run();
        const auto* error = record.error_as<ViewBodyError>();
        BOOST_REQUIRE_MESSAGE(error != nullptr, body);
        return error->fault();
    };
    BOOST_TEST((fault_of("[]") == BodyFault::not_an_object));
    BOOST_TEST((fault_of("42") == BodyFault::not_an_object));
    BOOST_TEST((fault_of(" ") == BodyFault::empty_body));
    BOOST_TEST((fault_of("") == BodyFault::empty_body));
    BOOST_TEST((fault_of(R"({"ok":true})") == BodyFault::no_rows));
    BOOST_TEST((fault_of(R"({"rows":{}})") == BodyFault::rows_not_array));
    BOOST_TEST((fault_of(R"({"rows":[{"id":"a"},}]})") == BodyFault::not_json));
    BOOST_TEST((fault_of(R"({"rows":[]}x)") == BodyFault::trailing_garbage));
}

BOOST_FIXTURE_TEST_CASE(rows_in_front_of_malformed_json_are_delivered, Fixture) {
    server.next_request().body(R"({"rows":[{"id":"a"},{"id":"b"},!]})");
    const auto record = run();
    BOOST_TEST(record.ids == (std::vector<std::string>{"a", "b"}), boost::test_tools::per_element());
    BOOST_TEST(record.error_as<ViewBodyError>() != nullptr);
}

BOOST_FIXTURE_TEST_CASE(rows_of_any_json_are_delivered_verbatim, Fixture) {
    server.next_request().body("{\"rows\":[1,null,\"a]\xc3\xa4\",[{}],{\"key\":[\"]\"]}]}");
    BOOST_TEST(run().rows_text == "1\nnull\n\"a]\xc3\xa4\"\n[{}]\n{\"key\":[\"]\"]}\n");
}

BOOST_FIXTURE_TEST_CASE(a_row_above_the_limit_ends_the_stream, Fixture) {
    ViewDocuments documents = numbered(3);
    documents.add("doc-zz", fmt::format("\"{}\"", std::string(10'000, 'x')));
    server.add_view("db", "d", "v", std::move(documents));
    ViewOptions options;
    options.limits.row_bytes = 4096;
    const auto record = run({"d", "v"}, options);
    BOOST_REQUIRE(record.error_as<ViewBodyError>() != nullptr);
    BOOST_TEST((record.error_as<ViewBodyError>()->fault() == BodyFault::row_too_large));
    BOOST_TEST(record.ids.size() == 3U);
}

BOOST_FIXTURE_TEST_CASE(errors_in_a_good_answer_are_an_error_with_the_partial_result, CouchbaseFixture) {
    for (const int rows : {0, 5}) {
        server.next_request().error_after_rows(static_cast<std::uint64_t>(rows), "index is gone", "http://n2:8092/");
        const auto record = run();
        const auto* error = record.error_as<ViewErrors>();
        BOOST_REQUIRE(error != nullptr);
        BOOST_TEST(error->rows() == static_cast<std::uint64_t>(rows));
        BOOST_REQUIRE(error->errors().size() == 1U);
        BOOST_TEST(error->errors()[0].from == "http://n2:8092/");
        BOOST_TEST(error->errors()[0].reason == "index is gone");
        BOOST_TEST(contains(error->what(), "index is gone"));
        BOOST_TEST(record.ids == numbered_ids(rows), boost::test_tools::per_element());
        BOOST_TEST(record.meta->errors.size() == 1U);
    }
}

BOOST_FIXTURE_TEST_CASE(couchdb_hangs_up_where_couchbase_reports, Fixture) {
    server.next_request().error_after_rows(5, "index is gone");
    const auto record = run();
    BOOST_REQUIRE(record.error_as<TruncatedBody>() != nullptr);
    BOOST_TEST(record.error_as<TruncatedBody>()->rows() == 5U);
}

BOOST_FIXTURE_TEST_CASE(an_error_document_with_status_200_is_an_error, Fixture) {
    for (const char* body : {R"({"error":"badarg","reason":"no"})", R"({"rows":[],"error":"badarg","reason":"no"})"}) {
        server.next_request().body(body);
        const auto record = run();
        BOOST_REQUIRE_MESSAGE(record.error_as<ViewErrors>() != nullptr, record.error->message());
        BOOST_TEST(contains(record.error_as<ViewErrors>()->what(), "badarg: no"));
    }
}

BOOST_FIXTURE_TEST_CASE(a_compressed_answer_is_refused, Fixture) {
    server.next_request().header("Content-Encoding", "gzip");
    const auto record = run();
    BOOST_REQUIRE(record.error_as<ViewError>() != nullptr);
    BOOST_TEST(contains(record.error_as<ViewError>()->what(), "gzip"));
    server.next_request().header("Content-Encoding", "identity");
    BOOST_TEST(!run().error);
}

BOOST_FIXTURE_TEST_CASE(what_on_rows_throws_ends_the_stream, Fixture) {
    ViewOptions options;
    options.batch.rows = 5;
    for (const bool later : {false, true}) {
        Gate gate;
        Recorder view(client, {}, options);
        view.in_rows = [&]() -> Deferred<> {
            if (view.record->batches.size() < 2) return succeed();
            if (later) return gate.wait();
            throw std::runtime_error("the disk is full");
        };
        auto outcome = view.start();
        settle();
        if (later) gate.fail(make_failure(std::runtime_error("the disk is full")));
        const auto record = checked(view, outcome);
        BOOST_TEST(contains(record.error->message(), "the disk is full"));
        BOOST_TEST(record.ids.size() == 10U);
        settle();
        BOOST_TEST(network.open_connections() == 0U);
    }
}

BOOST_FIXTURE_TEST_CASE(what_the_terminals_throw_is_reported_and_changes_nothing, Fixture) {
    plait::testing::CaughtReports reports;
    server.next_request().cut_after_rows(1);
    {
        Recorder view(client);
        view.in_error = [] { throw std::runtime_error("in on_error"); };
        view.in_done = [] { throw std::runtime_error("in on_done"); };
        auto outcome = view.start();
        settle();
        BOOST_TEST(checked(view, outcome).error_as<TruncatedBody>() != nullptr);
    }
    reports.expect(2);
}

BOOST_FIXTURE_TEST_CASE(a_stream_starts_once, Fixture) {
    Recorder view(client);
    auto first = view.start();
    auto second = view.start();
    failure_of<InvalidState>(second);
    settle();
    success_of(first);
    auto third = view.start();
    failure_of<InvalidState>(third);
    BOOST_TEST(view.record->terminals() == "done ");
}

BOOST_FIXTURE_TEST_CASE(the_header_is_known_with_the_first_rows, Fixture) {
    Gate gate;
    Recorder view(client);
    BOOST_TEST(!view.meta().total_rows);
    view.in_rows = [&] { return gate.wait(); };
    auto outcome = view.start();
    settle();
    BOOST_TEST(*view.meta().total_rows == 20U);
    gate.open();
    settle();
}

BOOST_FIXTURE_TEST_CASE(streams_without_a_name_or_with_a_bad_address_are_not_made, Fixture) {
    BOOST_CHECK_THROW(Recorder(client, {}, {}, {"", "v"}), std::invalid_argument);
    BOOST_CHECK_THROW(Recorder(client, {}, {}, {"d", ""}), std::invalid_argument);
    BOOST_CHECK_THROW(ViewClient(clock, network.connector(), "http://couch:5984/"), BadUrl);
    BOOST_CHECK_THROW(ViewClient(clock, network.connector(), "http://couch/db?x=1"), BadUrl);
    BOOST_CHECK_THROW(ViewClient(clock, network.connector(), "couch/db"), BadUrl);
}
