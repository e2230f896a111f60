#define BOOST_TEST_MODULE row_splitter
#include "plait/couch_async/view/row_splitter.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "split_events.hpp"

namespace plait::couch_async {
namespace {

/// However it is cut: the same, and this.
void check_events(const std::string& body, const std::string& expected, SplitLimits limits = {}) {
    for (const auto& pieces : ways_to_cut(body))
        BOOST_TEST(events(pieces, limits) == expected);
}

std::string row(const std::string& raw, const std::string& id, const std::string& key, const std::string& value,
                const std::string& doc = "", const std::string& error = "") {
    const std::string id_json = id.empty() ? "" : "\"" + id + "\"";
    return "row  raw=" + raw + " id=" + id + " id_json=" + id_json + " key=" + key + " value=" + value + " doc=" + doc +
           " error=" + error + "\n";
}

BOOST_AUTO_TEST_CASE(couchdbs_envelope_gives_rows_and_totals) {
    check_events(
        "{\"total_rows\":3,\"offset\":1,\"rows\":[\r\n"
        "{\"id\":\"a\",\"key\":\"k1\",\"value\":{\"n\":[1,2]}},\r\n"
        "{\"id\":\"b\",\"key\":[1,\"x\"],\"value\":null,\"doc\":{\"_id\":\"b\"}}\r\n"
        "]}\n",
        row("{\"id\":\"a\",\"key\":\"k1\",\"value\":{\"n\":[1,2]}}", "a", "\"k1\"", "{\"n\":[1,2]}") +
            row("{\"id\":\"b\",\"key\":[1,\"x\"],\"value\":null,\"doc\":{\"_id\":\"b\"}}", "b", "[1,\"x\"]", "null",
                "{\"_id\":\"b\"}") +
            "meta {\"total_rows\":3,\"offset\":1,\"rows\":[]} total_rows=3 offset=1\n");
}

BOOST_AUTO_TEST_CASE(couchbases_envelope_gives_the_errors_behind_the_rows) {
    check_events(
        "{\"debug_info\":{\"rows\":[1]},\"total_rows\":3,\"rows\":[\r\n"
        "{\"id\":\"a\",\"key\":1,\"value\":-0.5e+3,\"partition\":4}\r\n],\r\n"
        "\"errors\":[\r\n{\"from\":\"http://n2/"
        "\",\"reason\":\"timeout\"},\r\n{\"from\":\"local\",\"reason\":{\"x\":1}}\r\n]\r\n}\n",
        row("{\"id\":\"a\",\"key\":1,\"value\":-0.5e+3,\"partition\":4}", "a", "1", "-0.5e+3") +
            "meta {\"debug_info\":{\"rows\":[1]},\"total_rows\":3,\"rows\":[],\r\n"
            "\"errors\":[\r\n{\"from\":\"http://n2/"
            "\",\"reason\":\"timeout\"},\r\n{\"from\":\"local\",\"reason\":{\"x\":1}}\r\n]\r\n} "
            "total_rows=3 offset=- [http://n2/: timeout] [local: {\"x\":1}]\n");
}

BOOST_AUTO_TEST_CASE(errors_without_rows_are_reported_too) {
    check_events("{\"total_rows\":0,\"rows\":[]\r\n,\"errors\":[{\"from\":\"n\",\"reason\":\"r\"}]}",
                 "meta {\"total_rows\":0,\"rows\":[]\r\n,\"errors\":[{\"from\":\"n\",\"reason\":\"r\"}]} total_rows=0 "
                 "offset=- [n: r]\n");
}

BOOST_AUTO_TEST_CASE(an_escaped_name_is_the_name) {
    check_events("{\"\\u0072ows\":[{\"\\u0069d\":\"a\"}]}",
                 row("{\"\\u0069d\":\"a\"}", "a", "", "") + "meta {\"\\u0072ows\":[]} total_rows=- offset=-\n");
}

BOOST_AUTO_TEST_CASE(rows_of_any_type_are_delivered_raw) {
    check_events("{\"rows\":[1,\"a,]\" ,null , [1,{\"id\":2}],{},[ ],true]}",
                 row("1", "", "", "") + row("\"a,]\"", "", "", "") + row("null", "", "", "") +
                     row("[1,{\"id\":2}]", "", "", "") + row("{}", "", "", "") + row("[ ]", "", "", "") +
                     row("true", "", "", "") + "meta {\"rows\":[]} total_rows=- offset=-\n");
}

BOOST_AUTO_TEST_CASE(brackets_quotes_and_escapes_in_strings_mean_nothing) {
    check_events("{\"rows\":[{\"id\":\"[{\",\"key\":\"}],\\\"\\\\\",\"value\":{\"x\":\"\\\\\\\"}]\"}}]}",
                 row("{\"id\":\"[{\",\"key\":\"}],\\\"\\\\\",\"value\":{\"x\":\"\\\\\\\"}]\"}}", "[{",
                     "\"}],\\\"\\\\\"", "{\"x\":\"\\\\\\\"}]\"}") +
                     "meta {\"rows\":[]} total_rows=- offset=-\n");
}

BOOST_AUTO_TEST_CASE(the_last_of_equal_members_counts) {
    check_events("{\"rows\":[{\"id\":\"a\",\"id\":\"b\",\"key\":1,\"key\":2}]}",
                 row("{\"id\":\"a\",\"id\":\"b\",\"key\":1,\"key\":2}", "b", "2", "") +
                     "meta {\"rows\":[]} total_rows=- offset=-\n");
}

BOOST_AUTO_TEST_CASE(members_come_in_any_order_and_spacing) {
    check_events("{\"rows\":[ { \"value\" : { } ,\t\"error\":\"not_found\" , \"key\" :\n\"k\" } ]}",
                 row("{ \"value\" : { } ,\t\"error\":\"not_found\" , \"key\" :\n\"k\" }", "", "\"k\"", "{ }", "",
                     "\"not_found\"") +
                     "meta {\"rows\":[]} total_rows=- offset=-\n");
}

BOOST_AUTO_TEST_CASE(an_id_is_unescaped_and_still_there_as_sent) {
    RowSplitter splitter;
    splitter.feed(Bytes::borrow(
        "{\"rows\":[{\"id\":\"a\\\\b\\u00e9\\ud83d\\ude00\\\"\",\"key\":null},{\"id\":7},{\"id\":\"\"}]}"));
    Rows rows;
    BOOST_TEST((splitter.take(rows) == Split::hungry));
    BOOST_TEST(rows.size() == 3u);
    BOOST_TEST(rows[0].id() == "a\\b\u00e9\U0001F600\"");
    BOOST_TEST(rows[0].id_json() == "\"a\\\\b\\u00e9\\ud83d\\ude00\\\"\"");
    BOOST_TEST(rows[1].id() == "");
    BOOST_TEST(rows[1].id_json() == "7");
    BOOST_TEST(rows[2].id() == "");
    BOOST_TEST(rows[2].id_json() == "\"\"");
}

BOOST_AUTO_TEST_CASE(rare_members_are_found_by_name) {
    RowSplitter splitter;
    splitter.feed(Bytes::borrow(
        "{\"rows\":[{\"id\":\"a\", \"geometry\" : {\"x\":[\"},\\\"\"]} , \"n\\u006fde\":\"local\",\"partition\":1,"
        "\"partition\":2 },[1]]}"));
    Rows rows;
    splitter.take(rows);
    BOOST_TEST(rows[0].member("geometry") == "{\"x\":[\"},\\\"\"]}");
    BOOST_TEST(rows[0].member("node") == "\"local\"");
    BOOST_TEST(rows[0].member("partition") == "2");
    BOOST_TEST(rows[0].member("absent") == "");
    BOOST_TEST(rows[1].member("id") == "");
}

// Each ends in its own fault, at its own byte, however it is cut.
struct Broken {
    const char* body;
    const char* events;
};

std::ostream& operator<<(std::ostream& out, const Broken& broken) {
    return out << broken.body;
}

const Broken broken_bodies[] = {
    {"", "empty_body at 0\n"},
    {" \r\n\n", "empty_body at 4\n"},
    {"\xEF\xBB\xBF{\"rows\":[]}", "byte_order_mark at 0\n"},
    {"[]", "not_an_object at 0\n"},
    {"\n42", "not_an_object at 1\n"},
    {"503 Service Unavailable", "not_an_object at 0\n"},
    {"{", "truncated at 1\n"},
    {"{\"rows\":", "truncated at 8\n"},
    {"{\"rows\":[", "truncated at 9\n"},
    {"{\"rows\":[1,", "row  raw=1 id= id_json= key= value= doc= error=\ntruncated at 11\n"},
    {"{\"rows\":[{\"id\":\"a\"", "truncated at 18\n"},
    {"{\"rows\":[]", "truncated at 10\n"},
    {"{\"rows\":[],\"errors\":[", "truncated at 21\n"},
    {"{\"rows\":[]} x", "trailing_garbage at 12\n"},
    {"{\"rows\":[]}{\"rows\":[]}", "trailing_garbage at 11\n"},
    {"{}", "no_rows at 2\n"},
    {"{\"error\":\"not_found\",\"reason\":\"missing\"}", "no_rows at 40\n"},
    {"{\"a\":{\"rows\":[1]}}", "no_rows at 18\n"},
    {"{\"rows\":null}", "rows_not_array at 8\n"},
    {"{\"rows\":{\"id\":1}}", "rows_not_array at 8\n"},
    {"{\"rows\":[],\"rows\":[]}", "rows_twice at 11\n"},
    {"{\"rows\":[],\"ro\\u0077s\":1}", "rows_twice at 11\n"},
    {"{\"a\" 1,\"rows\":[]}", "not_json at 5\n"},
    {"{\"a\":[1}],\"rows\":[]}", "not_json at 7\n"},
    {"{,\"rows\":[]}", "not_json at 1\n"},
    {"{\"rows\":[],}", "not_json at 11\n"},
    {"{\"rows\":[}", "not_json at 9\n"},
    {"{\"rows\":[,]}", "not_json at 9\n"},
    {"{\"rows\":[1,]}", "row  raw=1 id= id_json= key= value= doc= error=\nnot_json at 11\n"},
    {"{\"rows\":[1 2]}", "row  raw=1 id= id_json= key= value= doc= error=\nnot_json at 11\n"},
    {"{\"rows\":[{} {}]}", "row  raw={} id= id_json= key= value= doc= error=\nnot_json at 12\n"},
    {"{\"rows\":[{\"id\":\"a\",}]}", "not_json at 19\n"},
    {"{\"rows\":[{\"id\" \"a\"}]}", "not_json at 15\n"},
    {"{\"rows\":[{\"id\":}]}", "not_json at 15\n"},
    {"{\"rows\":[{\"id\":\"a\" \"b\"}]}", "not_json at 19\n"},
    {"{\"rows\":[{\"id\":\"\\x\"}]}", "not_json at 15\n"},
    {"{\"rows\":[{\"key\":tru}]}", "not_json at 16\n"},
    {"{\"rows\":[{\"key\":01}]}", "not_json at 16\n"},
    {"{\"rows\":[{\"key\":{}1}]}", "not_json at 18\n"},
    {"{\"rows\":[{\"key\":[}]}]}", "not_json at 17\n"},
    // Long enough for the way that usual rows go.
    {"{\"rows\":[{\"key\":}{},1234567890123456]}", "not_json at 16\n"},
    {"{\"rows\":[{\"key\":][,\"value\":1234567890}]}", "not_json at 16\n"},
    {"{\"rows\":[{\"key\":]{}{{},\"value\":1234567890}]}", "not_json at 16\n"},
    {"{\"rows\":[{\"key\":{]},\"value\":1234567890}]}", "not_json at 17\n"},
    {"{\"rows\":[{\"key\":\"a\nb\"}]}", "not_json at 18\n"},
    {"{\"rows\":[{\"key\":{\"a\":\\\"}}]}", "not_json at 21\n"},
    {"{\"rows\":[{\"key\":1]]}", "not_json at 17\n"},
    {"{\"rows\":[{id:1}]}", "not_json at 10\n"},
};

BOOST_DATA_TEST_CASE(a_broken_body_has_one_fault_and_one_place, boost::unit_test::data::make(broken_bodies), broken) {
    check_events(broken.body, broken.events);
}

BOOST_AUTO_TEST_CASE(the_error_names_what_was_found) {
    RowSplitter splitter;
    splitter.feed(
        Bytes::borrow("{\"rows\":[\n{\"id\":\"a\"}\n\n{\"code\":500,\"error\":\"boom\",\"reason\":\"it broke\"}\n"));
    Rows rows;
    BOOST_TEST((splitter.take(rows) == Split::failed));
    BOOST_TEST(rows.size() == 1u);
    BOOST_TEST((splitter.error().fault() == BodyFault::not_json));
    BOOST_TEST(std::string(splitter.error().what()).find("\"reason\":\"it broke\"") != std::string::npos);
    BOOST_TEST((splitter.take(rows) == Split::failed));
    splitter.feed(Bytes::borrow("]}"));
    BOOST_TEST(splitter.waiting_bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(a_body_without_rows_can_be_looked_at) {
    RowSplitter splitter;
    splitter.feed(Bytes::borrow("{\"error\":\"not_found\",\"reason\":\"missing\"}"));
    splitter.finish();
    Rows rows;
    BOOST_TEST((splitter.take(rows) == Split::failed));
    BOOST_TEST((splitter.error().fault() == BodyFault::no_rows));
    BOOST_TEST(splitter.meta().error == "not_found");
    BOOST_TEST(splitter.meta().reason == "missing");
    BOOST_TEST(splitter.meta().text == "{\"error\":\"not_found\",\"reason\":\"missing\"}");
}

BOOST_AUTO_TEST_CASE(heartbeats_in_front_cost_nothing) {
    check_events("\n\n\r\n \n{\"rows\":[]}\n\n", "meta {\"rows\":[]} total_rows=- offset=-\n", {.meta_bytes = 11});
}

BOOST_AUTO_TEST_CASE(a_row_as_long_as_the_limit_passes_and_one_byte_more_does_not) {
    const std::string body = "{\"rows\":[{\"id\":\"abc\"}]}";
    const std::string delivered = row("{\"id\":\"abc\"}", "abc", "", "") + "meta {\"rows\":[]} total_rows=- offset=-\n";
    check_events(body, delivered, {.row_bytes = 12});
    check_events(body, "row_too_large at 9\n", {.row_bytes = 11});
    check_events("{\"rows\":[123456]}", "row_too_large at 9\n", {.row_bytes = 5});
    check_events("{\"rows\":[{\"id\":\"abc\"]]}", "row_too_large at 9\n", {.row_bytes = 11});
    check_events("{\"rows\":[{\"i\" 1,\"abc\"}]}", "not_json at 14\n", {.row_bytes = 11});
}

BOOST_AUTO_TEST_CASE(the_envelope_is_bounded) {
    check_events("{\"a\":1,\"rows\":[],\"b\":2}", "meta_too_large at 22\n", {.meta_bytes = 22});
    check_events("{\"a\":\"aaaaaaaaaaaaaaaaaaaaaaaa", "meta_too_large at 10\n", {.meta_bytes = 10});
}

BOOST_AUTO_TEST_CASE(depth_is_bounded_in_rows_and_around_them) {
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    for (const std::size_t depth : {1u, 2u, 63u, 64u, 65u, 66u, 128u, 129u, 300u}) {
        BOOST_TEST_CONTEXT("depth " << depth) {
            const SplitLimits just{.depth = depth};
            const SplitLimits less{.depth = depth - 1};
            const std::string end = "meta {\"rows\":[]} total_rows=- offset=-\n";
            check_events("{\"rows\":[" + nested(depth) + "]}", row(nested(depth), "", "", "") + end, just);
            if (depth == 1) continue;
            check_events("{\"rows\":[" + nested(depth) + "]}", "too_deep at " + std::to_string(9 + depth - 1) + "\n",
                         less);
            const std::string object = "{\"key\":" + nested(depth - 1) + "}";
            check_events("{\"rows\":[" + object + "]}", row(object, "", nested(depth - 1), "") + end, just);
            check_events("{\"rows\":[" + object + "]}", "too_deep at " + std::to_string(16 + depth - 2) + "\n", less);
        }
    }
    BOOST_TEST(events({"{\"a\":" + nested(600) + ",\"rows\":[]}"}).starts_with("too_deep at "));
}

BOOST_AUTO_TEST_CASE(brackets_of_different_kinds_match_at_any_depth) {
    std::string open, close;
    for (int i = 0; i < 200; ++i) {
        const bool square = i % 3 == 0;
        open += square ? "[" : "{\"a\":";
        close.insert(0, square ? "]" : "}");
    }
    const std::string good = "{\"rows\":[" + open + "1" + close + "]}";
    BOOST_TEST(events({good}) == events(cut_every(good, 1)));
    BOOST_TEST(events({good}).starts_with("row "));
    for (std::size_t i = 0; i < close.size(); ++i) {
        std::string wrong = close;
        wrong[i] = wrong[i] == ']' ? '}' : ']';
        const std::string body = "{\"rows\":[" + open + "1" + wrong + "]}";
        const std::string expected = "not_json at " + std::to_string(9 + open.size() + 1 + i) + "\n";
        BOOST_TEST(events({body}) == expected);
        BOOST_TEST(events(cut_every(body, 1)) == expected);
    }
}

BOOST_AUTO_TEST_CASE(the_batch_bound_holds_rows_back) {
    RowSplitter splitter;
    splitter.feed(Bytes::borrow("{\"total_rows\":5,\"rows\":[1,2,3,4,5]}"));
    splitter.finish();
    Rows rows;
    BOOST_TEST((splitter.take(rows, {.rows = 2}) == Split::more));
    BOOST_TEST(rows.size() == 2u);
    BOOST_TEST(splitter.waiting_bytes() > 0u);
    BOOST_TEST((splitter.take(rows, {.rows = 2}) == Split::more));
    BOOST_TEST(rows.size() == 2u);
    BOOST_TEST((splitter.take(rows, {.rows = 4}) == Split::more));
    BOOST_TEST(rows.size() == 4u);
    rows.clear();
    BOOST_TEST((splitter.take(rows, {.rows = 0}) == Split::done));
    BOOST_TEST(rows.size() == 1u);
    BOOST_TEST(splitter.rows_taken() == 5u);
    BOOST_TEST(splitter.waiting_bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(the_batch_bound_counts_bytes) {
    RowSplitter splitter;
    splitter.feed(Bytes::borrow("{\"rows\":[111,222,333,444]}"));
    Rows rows;
    BOOST_TEST((splitter.take(rows, {.rows = 100, .bytes = 4}) == Split::more));
    BOOST_TEST(rows.size() == 2u);
    BOOST_TEST(rows.bytes() == 6u);
}

BOOST_AUTO_TEST_CASE(the_header_is_known_before_the_first_row) {
    RowSplitter splitter;
    Rows rows;
    splitter.feed(Bytes::borrow("{\"total_rows\":7,\"update_seq\":\"9-x\",\"rows\":"));
    splitter.take(rows);
    BOOST_TEST(!splitter.header_known());
    BOOST_TEST(!splitter.meta().total_rows.has_value());
    splitter.feed(Bytes::borrow("["));
    splitter.take(rows);
    BOOST_TEST(splitter.header_known());
    BOOST_TEST(splitter.meta().total_rows.value() == 7u);
    BOOST_TEST(splitter.meta().member("update_seq").value() == "\"9-x\"");
    BOOST_TEST(!splitter.meta().member("absent").has_value());
    BOOST_TEST(!splitter.complete());
    splitter.feed(Bytes::borrow("]}"));
    splitter.take(rows);
    BOOST_TEST(splitter.complete());
    BOOST_TEST((splitter.take(rows) == Split::hungry));
    splitter.finish();
    BOOST_TEST((splitter.take(rows) == Split::done));
    BOOST_TEST((splitter.take(rows) == Split::done));
}

BOOST_AUTO_TEST_CASE(rows_are_slices_of_what_was_fed) {
    const Bytes chunk = Bytes::copy("{\"rows\":[{\"id\":\"a\",\"key\":1}]}");
    RowSplitter splitter;
    splitter.feed(chunk);
    Rows rows;
    splitter.take(rows);
    BOOST_TEST(static_cast<const void*>(rows[0].raw().data()) == static_cast<const void*>(chunk.data() + 9));
}

BOOST_AUTO_TEST_CASE(a_batch_outlives_the_splitter_and_its_chunks) {
    Rows kept;
    Bytes key;
    {
        RowSplitter splitter;
        Rows rows;
        splitter.feed(Bytes::copy("{\"rows\":[{\"id\":\"first\",\"key\":[1]},{\"id\":\"se"));
        splitter.take(rows);
        splitter.feed(Bytes::copy("con\\u0064\",\"key\":[2]}]}"));
        splitter.take(rows);
        kept = std::move(rows);
        key = kept.own(kept[1].key());
    }
    BOOST_TEST(kept[0].id() == "first");
    BOOST_TEST(kept[1].id() == "second");
    BOOST_TEST(kept[1].id_json() == "\"secon\\u0064\"");
    kept = Rows();
    BOOST_TEST(key.view() == "[2]");
}

BOOST_AUTO_TEST_CASE(a_cleared_batch_lets_its_buffers_go) {
    struct Watched : plait::detail::BytesBlock {
        Watched() noexcept : BytesBlock([](BytesBlock*) noexcept {}) {}
        char text[32] = "{\"rows\":[1,2]}";
    } block;
    Rows rows;
    {
        RowSplitter splitter;
        splitter.feed(Bytes::share(block.text, 14, &block));
        splitter.take(rows);
    }
    BOOST_TEST(block.references.load() == 2u);
    rows.clear();
    BOOST_TEST(block.references.load() == 1u);
}

}  // namespace
}  // namespace plait::couch_async
