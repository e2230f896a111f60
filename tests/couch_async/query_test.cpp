#define BOOST_TEST_MODULE query
#include "plait/couch_async/view/query.hpp"

#include <boost/test/unit_test.hpp>

#include "plait/couch_async/view/json_text.hpp"

using namespace plait::couch_async;

namespace {

constexpr auto couchdb = Dialect::couchdb;
constexpr auto couchbase = Dialect::couchbase;

/// Whether `action` throws BadQuery with `text` in its sentence.
template <typename Action>
bool refused(Action action, const std::string& text) {
    try {
        action();
    } catch (const BadQuery& error) {
        const std::string what = error.what();
        if (what.find(text) != std::string::npos) return true;
        BOOST_TEST_MESSAGE("it said: " + what);
    }
    return false;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_query_of_nothing_encodes_to_nothing) {
    BOOST_TEST(ViewQuery().encode(couchdb) == "");
    BOOST_TEST(ViewQuery().encode_post(couchbase).body == "{}");
}

BOOST_AUTO_TEST_CASE(keys_are_json_and_document_ids_are_text) {
    ViewQuery query;
    query.startkey("[\"a b\",1]").endkey("{}").startkey_docid("&&escape&&");
    BOOST_TEST(query.encode(couchdb) ==
               "startkey=%5B%22a%20b%22%2C1%5D&endkey=%7B%7D&startkey_docid=%26%26escape%26%26");
    BOOST_TEST(refused([] { ViewQuery().key("unquoted"); }, "double quotes"));
    BOOST_TEST(refused([] { ViewQuery().key(""); }, "empty"));
    BOOST_TEST(refused([] { ViewQuery().keys("{}"); }, "JSON array"));
    BOOST_TEST(ViewQuery().key(encode_json_string("\xc3\xa9")).encode(couchdb) == "key=%22%C3%A9%22");
}

BOOST_AUTO_TEST_CASE(several_keys_are_put_into_an_array) {
    ViewQuery query;
    query.keys(std::vector<std::string>{"1", "\"x\""});
    BOOST_TEST(query.get("keys").value() == "[1,\"x\"]");
    BOOST_TEST(refused([] { ViewQuery().keys(std::vector<std::string>{"x"}); }, "each key"));
}

BOOST_AUTO_TEST_CASE(booleans_and_numbers_have_one_spelling) {
    BOOST_TEST(parse_query("descending=1&reduce=0").encode(couchdb) == "descending=true&reduce=false");
    BOOST_TEST(ViewQuery().inclusive_end(false).limit(0).skip(7).encode(couchbase) ==
               "inclusive_end=false&limit=0&skip=7");
    BOOST_TEST(refused([] { parse_query("descending=yes"); }, "descending"));
    for (const char* bad : {"limit=-1", "limit=many", "limit=", "limit=1.5", "limit=99999999999999999999"}) {
        BOOST_TEST(refused([&] { parse_query(bad); }, "whole number"));
    }
}

BOOST_AUTO_TEST_CASE(words_are_checked) {
    BOOST_TEST(ViewQuery().stale("update_after").encode(couchbase) == "stale=update_after");
    BOOST_TEST(refused([] { ViewQuery().stale("maybe"); }, "ok, update_after, false"));
    BOOST_TEST(refused([] { ViewQuery().on_error("panic"); }, "continue, stop"));
    BOOST_TEST(refused([] { ViewQuery().stale("false").encode(couchdb); }, "update=true"));
    BOOST_TEST(ViewQuery().stale("false").encode(couchbase) == "stale=false");
}

BOOST_AUTO_TEST_CASE(an_option_of_the_other_dialect_is_refused) {
    BOOST_TEST(refused([] { ViewQuery().full_set(true).encode(couchdb); }, "full_set"));
    BOOST_TEST(refused([] { ViewQuery().sorted(false).encode(couchbase); }, "sorted"));
    BOOST_TEST(ViewQuery().connection_timeout(std::chrono::seconds(2)).encode(couchbase) == "connection_timeout=2000");
}

BOOST_AUTO_TEST_CASE(options_that_exclude_each_other_are_refused) {
    BOOST_TEST(refused([] { ViewQuery().keys("[1]").startkey("1").encode(couchdb); }, "keys and startkey"));
    BOOST_TEST(refused([] { ViewQuery().group(true).group_level(1).encode(couchbase); }, "group and group_level"));
    BOOST_TEST(refused([] { ViewQuery().include_docs(true).group(true).encode(couchdb); }, "include_docs"));
    BOOST_TEST(ViewQuery().include_docs(true).reduce(false).encode(couchdb) == "reduce=false&include_docs=true");
}

BOOST_AUTO_TEST_CASE(unknown_options_are_refused_unless_passed_through) {
    BOOST_TEST(refused([] { parse_query("colour=blue"); }, "\"colour\" is not an option"));
    ViewQuery query;
    query.passthrough("colour", "light blue");
    BOOST_TEST(query.encode(couchbase) == "colour=light%20blue");
    BOOST_TEST(query.get("colour").value() == "light blue");
    BOOST_TEST(query.clear("colour").encode(couchbase) == "");
}

BOOST_AUTO_TEST_CASE(text_is_read_as_an_address_has_it) {
    const auto query = parse_query("start_key=%22a%26b%22&end_key_doc_id=x+y&limit=3&");
    BOOST_TEST(query.get("startkey").value() == "\"a&b\"");
    BOOST_TEST(query.get("endkey_docid").value() == "x+y");
    BOOST_TEST(query.limit().value() == 3u);
    BOOST_TEST((parse_query(query.encode(couchdb)) == query));
    BOOST_TEST(refused([] { parse_query("limit=1&limit=2"); }, "twice"));
    BOOST_TEST(refused([] { parse_query("start_key=1&startkey=2"); }, "twice"));
    BOOST_TEST(refused([] { parse_query("limit"); }, "no value"));
    BOOST_TEST(refused([] { parse_query("key=%zz"); }, "%25"));
}

BOOST_AUTO_TEST_CASE(setting_again_replaces_and_clearing_takes_back) {
    ViewQuery query;
    query.limit(1).limit(2).skip(3).clear("skip").clear("start_key");
    BOOST_TEST(query.encode(couchdb) == "limit=2");
    BOOST_TEST(!ViewQuery().limit().has_value());
}

BOOST_AUTO_TEST_CASE(a_posted_query_moves_keys_into_the_body) {
    ViewQuery query;
    query.keys("[1,2]").limit(5);
    BOOST_TEST(query.encode_post(couchbase).query == "limit=5");
    BOOST_TEST(query.encode_post(couchbase).body == "{\"keys\":[1,2]}");

    ViewQuery range;
    range.startkey("\"a\"").endkey("\"b\"").descending(true);
    BOOST_TEST(range.encode_post(couchdb).query == "descending=true");
    BOOST_TEST(range.encode_post(couchdb).body == "{\"startkey\":\"a\",\"endkey\":\"b\"}");
    BOOST_TEST(range.encode_post(couchbase).body == "{}");

    // What was passed through stays, whatever its name.
    query.passthrough("keys", "[3]");
    BOOST_TEST(query.encode_post(couchbase).query == "limit=5&keys=%5B3%5D");
}
