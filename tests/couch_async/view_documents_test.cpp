#define BOOST_TEST_MODULE view_documents
#include <boost/test/unit_test.hpp>
#include <stdexcept>

#include <fmt/format.h>

#include "plait/couch_async/detail/served_query.hpp"
#include "plait/couch_async/testing/view_documents.hpp"

using namespace plait::couch_async;
using namespace plait::couch_async::testing;
using detail::RefusedRequest;
using detail::ServedQuery;

namespace {

/// Keys 1..5 with ids a..e, and key 3 a second and third time.
ViewDocuments letters() {
    ViewDocuments documents;
    documents.add("e", "5", "null");
    documents.add("c3", "3", "null");
    documents.add("a", "1", "null");
    documents.add("c1", "3", "null");
    documents.add("b", "2", "null");
    documents.add("c2", "3", "null");
    documents.add("d", "4", "null");
    documents.sort();
    return documents;
}

std::string ids(const ViewDocuments& documents, std::string_view query, std::string_view body = {},
                Dialect dialect = Dialect::couchdb) {
    const auto selection = detail::select(documents, ServedQuery::parse(query, body, dialect));
    std::string all;
    const auto add = [&](std::size_t position) {
        const auto id = documents.row(position).id_json;
        all.append(id.substr(1, id.size() - 2)).append(" ");
    };
    for (auto range : selection.ranges) {
        while (range.begin < range.end)
            add(selection.descending ? --range.end : range.begin++);
    }
    if (!all.empty()) all.pop_back();
    return all;
}

std::string refusal(std::string_view query, std::string_view body = {}, Dialect dialect = Dialect::couchdb) {
    try {
        detail::select(letters(), ServedQuery::parse(query, body, dialect));
    } catch (const RefusedRequest& refused) {
        return fmt::format("{} {}: {}", refused.status(), refused.error(), refused.what());
    }
    return "taken";
}

}  // namespace

BOOST_AUTO_TEST_CASE(rows_are_ordered_by_type_then_key_then_id) {
    ViewDocuments documents;
    const char* const in_order[] = {"null",    "false",     "true",      "-1e300",   "-1",       "0",           "0.5",
                                    "1",       "2",         "10",        "1e300",    "\"\"",     "\"\\u0000\"", "\"a\"",
                                    "\"a b\"", "\"b\"",     "[]",        "[1]",      "[1,null]", "[1,2]",       "[2]",
                                    "{}",      "{\"a\":1}", "{\"a\":2}", "{\"b\":0}"};
    for (std::size_t i = std::size(in_order); i > 0; --i)
        documents.add(fmt::format("{:02}", i), in_order[i - 1], "0");
    documents.sort();
    BOOST_REQUIRE_EQUAL(documents.size(), std::size(in_order));
    for (std::size_t i = 0; i < documents.size(); ++i)
        BOOST_TEST(documents.row(i).key == in_order[i]);
}

BOOST_AUTO_TEST_CASE(equal_numbers_are_one_key_however_written) {
    BOOST_TEST(ViewDocuments::sort_key("1") == ViewDocuments::sort_key("1.0"));
    BOOST_TEST(ViewDocuments::sort_key("0") == ViewDocuments::sort_key("-0.0"));
    BOOST_TEST(ViewDocuments::sort_key("\"\\u0061\"") == ViewDocuments::sort_key("\"a\""));
}

BOOST_AUTO_TEST_CASE(a_row_gives_back_the_texts_it_was_given) {
    ViewDocuments documents;
    documents.add("q\"\\\n\xc3\xa4", "[1, 2]", " {\"v\" : 1}", "{\"_id\":\"x\"}");
    documents.add("plain", "7");
    documents.sort();
    BOOST_TEST(documents.row(0).key == "\"plain\"");
    BOOST_TEST(documents.row(0).value == "7");
    BOOST_TEST(documents.row(0).doc == "");
    BOOST_TEST(documents.row(1).id_json == "\"q\\\"\\\\\\u000a\xc3\xa4\"");
    BOOST_TEST(documents.row(1).key == "[1, 2]");
    BOOST_TEST(documents.row(1).value == " {\"v\" : 1}");
    BOOST_TEST(documents.row(1).doc == "{\"_id\":\"x\"}");
}

BOOST_AUTO_TEST_CASE(a_key_that_is_not_json_is_refused) {
    ViewDocuments documents;
    BOOST_CHECK_THROW(documents.add("a", "nonsense", "0"), std::invalid_argument);
    BOOST_TEST(documents.empty());
}

BOOST_AUTO_TEST_CASE(ranges_select_by_key) {
    const auto all = letters();
    BOOST_TEST(ids(all, "") == "a b c1 c2 c3 d e");
    BOOST_TEST(ids(all, "startkey=3") == "c1 c2 c3 d e");
    BOOST_TEST(ids(all, "start_key=2&end_key=3") == "b c1 c2 c3");
    BOOST_TEST(ids(all, "endkey=3&inclusive_end=false") == "a b");
    BOOST_TEST(ids(all, "key=3") == "c1 c2 c3");
    BOOST_TEST(ids(all, "startkey=2.5&endkey=2.6") == "");
    BOOST_TEST(ids(all, "startkey=%22z%22") == "");
    BOOST_TEST(ids(all, "endkey=%7B%7D") == "a b c1 c2 c3 d e");
}

BOOST_AUTO_TEST_CASE(document_ids_narrow_within_equal_keys_only) {
    const auto all = letters();
    BOOST_TEST(ids(all, "startkey=3&startkey_docid=c2") == "c2 c3 d e");
    BOOST_TEST(ids(all, "startkey=2&startkey_docid=c2") == "c1 c2 c3 d e");
    BOOST_TEST(ids(all, "endkey=3&endkey_docid=c2") == "a b c1 c2");
    BOOST_TEST(ids(all, "endkey=3&endkey_docid=c2&inclusive_end=false") == "a b c1");
    BOOST_TEST(ids(all, "key=3&startkey_docid=c3") == "c3");
    BOOST_TEST(ids(all, "startkey_docid=c3") == "a b c1 c2 c3 d e");
    BOOST_TEST(ids(all, "descending=true&startkey=3&startkey_docid=c2") == "c2 c1 b a");
    BOOST_TEST(ids(all, "descending=true&endkey=3&endkey_docid=c2") == "e d c3 c2");
    BOOST_TEST(ids(all, "descending=true&endkey=3&endkey_docid=c2&inclusive_end=false") == "e d c3");
}

BOOST_AUTO_TEST_CASE(descending_turns_ranges_around) {
    const auto all = letters();
    BOOST_TEST(ids(all, "descending=true") == "e d c3 c2 c1 b a");
    BOOST_TEST(ids(all, "descending=true&startkey=4&endkey=3") == "d c3 c2 c1");
    BOOST_TEST(ids(all, "descending=true&startkey=4&endkey=3&inclusive_end=false") == "d");
}

BOOST_AUTO_TEST_CASE(skip_and_limit_count_in_the_direction_of_the_query) {
    const auto all = letters();
    BOOST_TEST(ids(all, "limit=2") == "a b");
    BOOST_TEST(ids(all, "limit=0") == "");
    BOOST_TEST(ids(all, "skip=5") == "d e");
    BOOST_TEST(ids(all, "skip=100") == "");
    BOOST_TEST(ids(all, "skip=1&limit=2") == "b c1");
    BOOST_TEST(ids(all, "descending=true&skip=1&limit=2") == "d c3");
}

BOOST_AUTO_TEST_CASE(keys_come_in_the_order_asked_for) {
    const auto all = letters();
    BOOST_TEST(ids(all, "keys=%5B4,3,9,1,1%5D") == "d c1 c2 c3 a a");
    BOOST_TEST(ids(all, "keys=%5B4,3%5D&skip=1&limit=2") == "c1 c2");
    BOOST_TEST(ids(all, "", R"({"keys":[5,2]})", Dialect::couchbase) == "e b");
    BOOST_TEST(ids(all, "", R"({"keys":[]})") == "");
}

BOOST_AUTO_TEST_CASE(couchdb_takes_every_parameter_from_a_body) {
    const auto all = letters();
    BOOST_TEST(ids(all, "", R"({"startkey":3,"startkey_docid":"c2","limit":3})") == "c2 c3 d");
    BOOST_TEST(ids(all, "limit=1", R"({"startkey":3})", Dialect::couchbase) == "a");
}

BOOST_AUTO_TEST_CASE(the_offset_is_the_number_of_rows_in_front) {
    const auto all = letters();
    const auto offset = [&](std::string_view query) {
        return detail::select(all, ServedQuery::parse(query, {}, Dialect::couchdb)).offset;
    };
    BOOST_TEST(offset("") == 0U);
    BOOST_TEST(offset("startkey=3") == 2U);
    BOOST_TEST(offset("startkey=3&skip=2") == 4U);
    BOOST_TEST(offset("descending=true&startkey=3") == 2U);
    BOOST_TEST(offset("skip=100") == 7U);
}

BOOST_AUTO_TEST_CASE(wrong_parameters_are_refused_as_the_servers_do) {
    BOOST_TEST(refusal("startkey=5&endkey=1") ==
               "400 query_parse_error: No rows can match your key range, reverse your start_key and end_key or set "
               "descending=true");
    BOOST_TEST(refusal("startkey=1&endkey=5&descending=true").starts_with("400 query_parse_error: No rows can match"));
    BOOST_TEST(refusal("keys=%5B1%5D&key=1").starts_with("400 query_parse_error: `keys` is incompatible"));
    BOOST_TEST(refusal("keys=%5B1%5D&key=1", {}, Dialect::couchbase).find("not compatible") != std::string::npos);
    BOOST_TEST(refusal("keys=1") == "400 bad_request: `keys` member must be an array.");
    BOOST_TEST(refusal("key=abc") == "400 bad_request: invalid_json");
    BOOST_TEST(refusal("descending=yes") == "400 query_parse_error: Invalid boolean parameter: `yes`");
    BOOST_TEST(refusal("limit=-1").starts_with("400 query_parse_error: Invalid value for limit"));
    BOOST_TEST(refusal("limit=").starts_with("400 query_parse_error: Invalid value for limit"));
    BOOST_TEST(refusal("reduce=true") == "400 query_parse_error: Reduce is invalid for map-only views.");
    BOOST_TEST(refusal("group=true").starts_with("400 query_parse_error: Invalid use of grouping"));
    BOOST_TEST(refusal("key=%zz").starts_with("400 query_parse_error: Invalid percent-encoding"));
    BOOST_TEST(refusal("stale=false").starts_with("400"));
    BOOST_TEST(refusal("stale=false", {}, Dialect::couchbase) == "taken");
    BOOST_TEST(refusal("", "[]").starts_with("400 bad_request"));
    BOOST_TEST(refusal("", "{").starts_with("400 bad_request"));
    BOOST_TEST(refusal("reduce=false&group=false&unknown=1&&stale=ok") == "taken");
}
