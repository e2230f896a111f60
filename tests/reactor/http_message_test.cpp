#define BOOST_TEST_MODULE http_message
#include "plait/reactor/protocols/http_message.hpp"

#include <boost/test/unit_test.hpp>
#include <stdexcept>
#include <string>

using namespace plait;  // NOLINT

BOOST_AUTO_TEST_CASE(a_request_head_is_written_as_given) {
    HttpRequestHead head;
    head.method = "POST";
    head.target = "/a%20b?c=d";
    head.headers = {{"Host", "example.org:8092"}, {"Accept", "*/*"}, {"Empty", ""}};
    BOOST_TEST(format_head(head) ==
               "POST /a%20b?c=d HTTP/1.1\r\nHost: example.org:8092\r\nAccept: */*\r\nEmpty: \r\n\r\n");
}

BOOST_AUTO_TEST_CASE(a_response_head_gets_the_usual_reason) {
    HttpResponseHead head;
    head.status = 404;
    BOOST_TEST(format_head(head) == "HTTP/1.1 404 Not Found\r\n\r\n");
    head.reason = "Gone Fishing";
    BOOST_TEST(format_head(head) == "HTTP/1.1 404 Gone Fishing\r\n\r\n");
    head.status = 299;
    head.reason.clear();
    BOOST_TEST(format_head(head) == "HTTP/1.1 299 \r\n\r\n");
}

BOOST_AUTO_TEST_CASE(text_that_would_break_a_head_apart_is_refused) {
    for (const auto& bad : {std::string("x\r\nEvil: 1"), std::string("x\ny"), std::string("x\ry"),
                            std::string("x\0y", 3), std::string("x\x7f"), std::string(" x"), std::string("x ")}) {
        HttpRequestHead head;
        head.headers.add("Name", bad);
        BOOST_CHECK_THROW(format_head(head), std::invalid_argument);
    }
    for (const std::string bad : {"", "a b", "a:", "a\r\n", "\xc3\xa4", "(x)"}) {
        HttpRequestHead head;
        head.headers.add(bad, "value");
        BOOST_CHECK_THROW(format_head(head), std::invalid_argument);
        HttpRequestHead method;
        method.method = bad;
        BOOST_CHECK_THROW(format_head(method), std::invalid_argument);
    }
    for (const std::string bad : {"", "/a b", "/\r\nHost: x", "/\t"}) {
        HttpRequestHead head;
        head.target = bad;
        BOOST_CHECK_THROW(format_head(head), std::invalid_argument);
    }
    HttpResponseHead response;
    response.reason = "OK\r\nEvil: 1";
    BOOST_CHECK_THROW(format_head(response), std::invalid_argument);
    response.reason = "";
    response.status = 99;
    BOOST_CHECK_THROW(format_head(response), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(headers_are_found_without_regard_to_case) {
    HttpHeaders headers{{"Accept", "a"}, {"accept", "b"}, {"Connection", "x, Keep-Alive ,y"}};
    BOOST_TEST(headers.find("ACCEPT").value() == "a");
    BOOST_TEST(headers.count("aCCept") == 2U);
    BOOST_TEST(!headers.find("Accep").has_value());
    BOOST_TEST(headers.has_token("connection", "keep-alive"));
    BOOST_TEST(headers.has_token("connection", "Y"));
    BOOST_TEST(!headers.has_token("connection", "keep"));
    BOOST_TEST(!headers.has_token("Via", "x"));
}

BOOST_AUTO_TEST_CASE(setting_a_header_replaces_every_field_of_that_name) {
    HttpHeaders headers{{"A", "1"}, {"B", "2"}, {"a", "3"}, {"C", "4"}};
    headers.set("a", "5");
    BOOST_TEST((headers == HttpHeaders{{"A", "5"}, {"B", "2"}, {"C", "4"}}));
    headers.set("D", "6");
    BOOST_TEST(headers.size() == 4U);
    BOOST_TEST(headers.remove("b") == 1U);
    BOOST_TEST(headers.remove("b") == 0U);
    BOOST_TEST((headers == HttpHeaders{{"A", "5"}, {"C", "4"}, {"D", "6"}}));
}
