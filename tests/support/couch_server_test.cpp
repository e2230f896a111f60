#define BOOST_TEST_MODULE support_couch_server
#include "plait/tests/support/couch_server.hpp"

#include "plait/tests/support/real_servers.hpp"

PLAIT_NEEDS_REAL_SERVERS

BOOST_AUTO_TEST_CASE(documents_that_are_loaded_come_out_of_a_view) {
    const plait::support::CouchServer server;
    server.create_database("things");
    server.put("/things/_design/all", R"({"views":{"by_name":{"map":"function(doc){emit(doc.name,doc.n)}"}}})");
    std::vector<std::string> documents;
    for (int n = 0; n < 3000; ++n) {
        const auto number = std::to_string(n);
        documents.push_back(R"({"_id":"doc)" + number + R"(","name":"näme)" + number + R"(","n":)" + number + "}");
    }
    server.load("things", documents);

    const auto answer = server.request("GET", "/things/_design/all/_view/by_name?limit=1");
    BOOST_TEST(answer.status == 200);
    BOOST_TEST(answer.body == R"({"total_rows":3000,"offset":0,"rows":[{"key":"näme0","id":"doc0","value":0}]})"
                              "\n");
    BOOST_TEST(server.request("GET", "/things/_design/all/_view/nope").status == 404);
    BOOST_CHECK_THROW(server.create_database("things"), std::runtime_error);
}
