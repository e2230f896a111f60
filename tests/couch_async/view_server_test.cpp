#define BOOST_TEST_MODULE view_server
#include <boost/test/unit_test.hpp>

#include "plait/reactor/protocols/http_exchange.hpp"
#include "plait/reactor/testing/recorder.hpp"
#include "plait/tests/couch_async/view_world.hpp"

using namespace plait;
using namespace plait::couch_async;
using namespace plait::couch_async::testing;
using plait::testing::ProtocolRecorder;

namespace {

const std::string view_path = "/db/_design/d/_view/v";

ViewServerOptions couchbase() {
    ViewServerOptions options;
    options.dialect = Dialect::couchbase;
    return options;
}

ViewDocuments three() {
    ViewDocuments documents;
    documents.add("a", "1", "\"one\"", R"({"_id":"a"})");
    documents.add("b", "2", "\"two\"", R"({"_id":"b"})");
    documents.add("c", "3", "null");
    return documents;
}

struct Fixture : World {
    explicit Fixture(ViewServerOptions options = {}) : World(std::move(options)) {
        server.add_view("db", "d", "v", three());
    }

    HttpResponse get(const std::string& target, HttpHeaders headers = {}, const std::string& method = "GET",
                     const std::string& body = {}) {
        HttpRequest request;
        request.head.method = method;
        request.head.target = target;
        request.head.headers = std::move(headers);
        request.body = Bytes::copy(body);
        return World::get(http_fetch(clock, *network.connector(), {"couch", 5984}, std::move(request)));
    }

    std::string failure(const std::string& target) {
        auto outcome = http_fetch(clock, *network.connector(), {"couch", 5984}, request(target));
        settle();
        return failure_of(outcome).message();
    }

    static HttpRequest request(const std::string& target) {
        HttpRequest made;
        made.head.target = target;
        return made;
    }
};

struct CouchbaseFixture : Fixture {
    CouchbaseFixture() : Fixture(couchbase()) {}
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(couchdb_envelope, Fixture) {
    const auto answer = get(view_path);
    BOOST_TEST(answer.head.status == 200);
    BOOST_TEST(answer.head.chunked);
    BOOST_TEST(answer.body.view() ==
               "{\"total_rows\":3,\"offset\":0,\"rows\":[\r\n"
               "{\"id\":\"a\",\"key\":1,\"value\":\"one\"},\r\n"
               "{\"id\":\"b\",\"key\":2,\"value\":\"two\"},\r\n"
               "{\"id\":\"c\",\"key\":3,\"value\":null}\r\n]}\n");
    BOOST_TEST(server.counts().requests == 1U);
    BOOST_TEST(server.counts().answers == 1U);
    BOOST_TEST(server.counts().rows == 3U);
}

BOOST_FIXTURE_TEST_CASE(couchbase_envelope, CouchbaseFixture) {
    BOOST_TEST(get(view_path + "?limit=1").body.view() ==
               "{\"total_rows\":3,\"rows\":[\r\n{\"id\":\"a\",\"key\":1,\"value\":\"one\"}\r\n]\r\n}\n");
    BOOST_TEST(get(view_path + "?limit=0").body.view() == "{\"total_rows\":3,\"rows\":[\r\n]\r\n}\n");
}

BOOST_FIXTURE_TEST_CASE(documents_are_included_on_request, Fixture) {
    const auto answer = get(view_path + "?include_docs=true&skip=1");
    BOOST_TEST(answer.body.view() ==
               "{\"total_rows\":3,\"offset\":1,\"rows\":[\r\n"
               "{\"id\":\"b\",\"key\":2,\"value\":\"two\",\"doc\":{\"_id\":\"b\"}},\r\n"
               "{\"id\":\"c\",\"key\":3,\"value\":null,\"doc\":null}\r\n]}\n");
}

BOOST_FIXTURE_TEST_CASE(couchbase_wraps_its_documents, CouchbaseFixture) {
    const auto answer = get(view_path + "?include_docs=true&limit=1");
    BOOST_TEST(answer.body.view().find(R"("doc":{"meta":{"id":"a"},"json":{"_id":"a"}}})") != std::string_view::npos);
}

BOOST_FIXTURE_TEST_CASE(json_is_called_so_for_those_who_ask, Fixture) {
    BOOST_TEST(*get(view_path, {{"Accept", "text/html, application/json"}}).head.headers.find("Content-Type") ==
               "application/json");
    BOOST_TEST(get(view_path).head.headers.find("Content-Type")->starts_with("text/plain"));
}

BOOST_FIXTURE_TEST_CASE(what_is_not_there_is_404, Fixture) {
    const auto missing = [this](const std::string& path) {
        const auto answer = get(path);
        BOOST_TEST(answer.head.status == 404);
        return std::string(answer.body.view());
    };
    BOOST_TEST(missing("/other/_design/d/_view/v") ==
               "{\"error\":\"not_found\",\"reason\":\"Database does not exist.\"}\n");
    BOOST_TEST(missing("/db/_design/other/_view/v") == "{\"error\":\"not_found\",\"reason\":\"missing\"}\n");
    BOOST_TEST(missing("/db/_design/d/_view/other") == "{\"error\":\"not_found\",\"reason\":\"missing_named_view\"}\n");
    BOOST_TEST(missing("/") == "{\"error\":\"not_found\",\"reason\":\"missing\"}\n");
    server.remove_view("db", "d", "v");
    missing(view_path);
}

BOOST_FIXTURE_TEST_CASE(names_may_be_percent_encoded, Fixture) {
    server.add_view("db", "a b", "\xc3\xa4", three());
    BOOST_TEST(get("/db/_design/a%20b/_view/%C3%A4").head.status == 200);
}

BOOST_FIXTURE_TEST_CASE(other_methods_are_refused, Fixture) {
    BOOST_TEST(get(view_path, {}, "PUT").head.status == 405);
    BOOST_TEST(get(view_path, {}, "POST", R"({"keys":[2]})").head.status == 200);
    BOOST_TEST(server.last_request().method == "POST");
    BOOST_TEST(server.last_request().body == R"({"keys":[2]})");
    BOOST_TEST(server.last_request().target == view_path);
}

BOOST_AUTO_TEST_CASE(a_password_is_asked_for) {
    ViewServerOptions options;
    options.user = "reader";
    options.password = "secret";
    Fixture fixture(options);
    const auto refused = fixture.get(view_path);
    BOOST_TEST(refused.head.status == 401);
    BOOST_TEST(refused.head.headers.contains("WWW-Authenticate"));
    BOOST_TEST(fixture.get(view_path, {{"Authorization", "Basic cmVhZGVyOnNlY3JldA=="}}).head.status == 200);
}

BOOST_AUTO_TEST_CASE(a_request_that_is_too_large_is_refused) {
    ViewServerOptions options;
    options.request_bytes = 100;
    Fixture fixture(options);
    BOOST_TEST(fixture.get(view_path, {}, "POST", std::string(101, ' ')).head.status == 413);
}

BOOST_FIXTURE_TEST_CASE(orders_are_about_one_request_each, Fixture) {
    server.next_request().status(503, "nodedown", "progress not possible");
    server.next_request().status(500).times(2);
    const auto answer = get(view_path);
    BOOST_TEST(answer.head.status == 503);
    BOOST_TEST(answer.body.view() == "{\"error\":\"nodedown\",\"reason\":\"progress not possible\"}\n");
    BOOST_TEST(get(view_path).head.status == 500);
    BOOST_TEST(get(view_path).head.status == 500);
    BOOST_TEST(get(view_path).head.status == 200);
    server.every_request().redirect("/elsewhere");
    BOOST_TEST(get(view_path).head.status == 302);
    BOOST_TEST(*get(view_path).head.headers.find("Location") == "/elsewhere");
    server.behave();
    BOOST_TEST(get(view_path).head.status == 200);
}

BOOST_FIXTURE_TEST_CASE(chunks_of_any_size_carry_the_same_body, Fixture) {
    const auto body = get(view_path).body.str();
    for (const std::size_t size : {1, 2, 7, 1000}) {
        server.next_request().chunk_bytes(size);
        BOOST_TEST(get(view_path).body.view() == body);
        server.next_request().random_chunks(size, 9);
        BOOST_TEST(get(view_path).body.view() == body);
    }
    server.next_request().until_close();
    const auto plain = get(view_path);
    BOOST_TEST(!plain.head.chunked);
    BOOST_TEST(plain.body.view() == body);
    server.next_request().content_length(body.size());
    BOOST_TEST(get(view_path).body.view() == body);
}

BOOST_FIXTURE_TEST_CASE(answers_are_cut_where_they_are_told, Fixture) {
    server.next_request().cut_after_rows(1);
    failure(view_path);
    BOOST_TEST(server.counts().rows == 1U);
    BOOST_TEST(server.counts().answers == 0U);
    for (auto order : {Misbehaviour().cut_after_bytes(10), Misbehaviour().cut_after_bytes(0), Misbehaviour().drop(),
                       Misbehaviour().cut_after_wire_bytes(5), Misbehaviour().content_length(10000),
                       Misbehaviour().garbage("nonsense\r\n\r\n"), Misbehaviour().cut_after_rows(0).by_reset()}) {
        server.next_request() = order;
        failure(view_path);
    }
    server.next_request().finish_after_bytes(30);
    BOOST_TEST(get(view_path).body.view() == "{\"total_rows\":3,\"offset\":0,\"ro");
    server.next_request().finish_after_rows(1);
    BOOST_TEST(get(view_path).body.view().ends_with("\"value\":\"one\"}"));
    server.next_request().body("[1,2]");
    BOOST_TEST(get(view_path).body.view() == "[1,2]");
}

BOOST_FIXTURE_TEST_CASE(a_node_error_follows_the_rows, CouchbaseFixture) {
    server.next_request().error_after_rows(1, "timeout", "http://n2:8092/");
    BOOST_TEST(get(view_path).body.view() ==
               "{\"total_rows\":3,\"rows\":[\r\n{\"id\":\"a\",\"key\":1,\"value\":\"one\"}\r\n],\r\n"
               "\"errors\":[\r\n{\"from\":\"http://n2:8092/\",\"reason\":\"timeout\"}\r\n]\r\n}\n");
}

BOOST_FIXTURE_TEST_CASE(couchdb_has_no_errors_array_and_hangs_up, Fixture) {
    server.next_request().error_after_rows(1, "timeout");
    failure(view_path);
}

BOOST_FIXTURE_TEST_CASE(a_stall_ends_when_released, Fixture) {
    const auto body = get(view_path).body.str();
    for (auto order : {Misbehaviour().stall(), Misbehaviour().stall_after_rows(2), Misbehaviour().stall_after_bytes(17),
                       Misbehaviour().stall_after_bytes(0), Misbehaviour().stall_after_rows(3)}) {
        server.next_request() = order;
        auto outcome = http_fetch(clock, *network.connector(), {"couch", 5984}, request(view_path));
        pass(10s);
        no_result(outcome);
        server.release_stalled();
        settle();
        BOOST_TEST(success_of(outcome).body.view() == body);
    }
}

BOOST_FIXTURE_TEST_CASE(delays_and_slow_answers_take_their_time, Fixture) {
    server.next_request().delay(3s);
    auto late = http_fetch(clock, *network.connector(), {"couch", 5984}, request(view_path));
    pass(2s);
    BOOST_TEST(server.counts().bytes == 0U);
    pass(1s);
    BOOST_TEST(late.ready());

    server.next_request().slow(10, 1s);
    const auto before = server.counts().bytes;
    auto slow = http_fetch(clock, *network.connector(), {"couch", 5984}, request(view_path));
    settle();
    const auto first = server.counts().bytes;
    BOOST_TEST(first > before);
    pass(1s);
    BOOST_TEST(server.counts().bytes > first);
    no_result(slow);
    for (int i = 0; i < 10; ++i)
        pass(1s);
    BOOST_TEST(slow.ready());
}

BOOST_FIXTURE_TEST_CASE(a_connection_serves_one_request_after_the_other, Fixture) {
    const auto pipelining = std::make_shared<ProtocolRecorder>();
    World::get(network.connector()->connect({"couch", 5984}, pipelining));
    std::string requests;
    for (int i = 0; i < 500; ++i)
        requests += "GET " + view_path + "?limit=1 HTTP/1.1\r\nHost: couch\r\n\r\n";
    pipelining->transport().write(requests);
    settle();
    BOOST_TEST(server.counts().answers == 500U);
    BOOST_TEST(server.counts().connections == 1U);
    std::size_t answers = 0;
    for (std::size_t at = 0; (at = pipelining->received.find("HTTP/1.1 200", at)) != std::string::npos; ++at)
        ++answers;
    BOOST_TEST(answers == 500U);
    pipelining->transport().write("nonsense\r\n\r\n");
    settle();
    BOOST_TEST(pipelining->received.find("HTTP/1.1 400") != std::string::npos);
    BOOST_TEST(server.counts().open_connections == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_client_that_does_not_read_stops_the_server, Fixture) {
    server.add_view("db", "d", "v", numbered(50'000, 100));
    const auto idle = std::make_shared<ProtocolRecorder>();
    World::get(network.connector()->connect({"couch", 5984}, idle));
    idle->transport().write("GET " + view_path + " HTTP/1.1\r\nHost: couch\r\n\r\n");
    idle->transport().pause_producing();
    settle();
    BOOST_TEST(server.counts().bytes < 512U * 1024U);
    idle->transport().resume_producing();
    settle();
    BOOST_TEST(server.counts().rows == 50'000U);
    BOOST_TEST(idle->received.size() == server.counts().bytes);
    idle->transport().lose_connection();
}

BOOST_FIXTURE_TEST_CASE(breaking_connections_is_seen_by_clients, Fixture) {
    server.next_request().stall_after_rows(1);
    auto outcome = http_fetch(clock, *network.connector(), {"couch", 5984}, request(view_path));
    settle();
    BOOST_TEST(server.counts().open_connections == 1U);
    server.break_connections();
    settle();
    BOOST_TEST(server.counts().open_connections == 0U);
    failure_of(outcome);
}

BOOST_FIXTURE_TEST_CASE(a_server_may_go_before_its_clients_and_its_factory, plait::testing::CleanMemoryReactor) {
    auto server = std::make_unique<ViewServer>(clock);
    server->add_view("db", "d", "v", three());
    network.listen({"couch", 5984}, server->factory());
    server->every_request().stall_after_rows(1);
    auto outcome = http_fetch(clock, *network.connector(), {"couch", 5984}, Fixture::request(view_path));
    settle();
    server.reset();
    settle();
    failure_of(outcome);
    auto again = http_fetch(clock, *network.connector(), {"couch", 5984}, Fixture::request(view_path));
    settle();
    failure_of(again);
}
