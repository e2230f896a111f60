#define BOOST_TEST_MODULE json_text
#include "plait/couch_async/view/json_text.hpp"

#include <boost/test/unit_test.hpp>

namespace plait::couch_async {
namespace {

BOOST_AUTO_TEST_CASE(a_string_is_decoded) {
    BOOST_TEST(decode_json_string("\"\"").value() == "");
    BOOST_TEST(decode_json_string("\"abc\"").value() == "abc");
    BOOST_TEST(decode_json_string("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"").value() == "\"\\/\b\f\n\r\t");
    BOOST_TEST(decode_json_string("\"\\u0041\\u00e4\\u20AC\\ud83d\\uDE00\"").value() == "A\u00e4\u20ac\U0001F600");
    BOOST_TEST(decode_json_string("\"\\u0000\"").value() == std::string(1, '\0'));
}

BOOST_AUTO_TEST_CASE(a_surrogate_alone_is_the_replacement_character) {
    BOOST_TEST(decode_json_string("\"\\ud83d\"").value() == "\uFFFD");
    BOOST_TEST(decode_json_string("\"\\ude00x\"").value() == "\uFFFDx");
    BOOST_TEST(decode_json_string("\"\\ud83d\\u0041\"").value() == "\uFFFDA");
    BOOST_TEST(decode_json_string("\"\\ud83d\\ud83d\\ude00\"").value() == "\uFFFD\U0001F600");
}

BOOST_AUTO_TEST_CASE(what_is_no_string_is_not_decoded) {
    for (const char* bad : {"", "\"", "abc", "\"abc", "abc\"", "\"a\"b\"", "\"\\\"", "\"\\x\"", "\"\\u12\"",
                            "\"\\u12g4\"", "\"\n\"", "\"\\ud83d\\u12\"", "1", "null"})
        BOOST_TEST(!decode_json_string(bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(what_was_encoded_is_decoded_to_the_same) {
    std::string all;
    for (int i = 1; i < 128; ++i)
        all += static_cast<char>(i);
    all += std::string(1, '\0') + "\u00e4\U0001F600";
    const std::string json = encode_json_string(all);
    BOOST_TEST(is_json(json));
    BOOST_TEST(decode_json_string(json).value() == all);
    BOOST_TEST(encode_json_string("a\"\\\n") == "\"a\\\"\\\\\\u000a\"");
}

BOOST_AUTO_TEST_CASE(literals_are_spelled_exactly) {
    for (const char* good : {"0", "-0", "1", "-12", "1.5", "0.0", "1e5", "1E+5", "-1.25e-10", "1e400", "true", "false",
                             "null", "123456789012345678901234567890"})
        BOOST_TEST(is_json_literal(good), good);
    for (const char* bad : {"", "-", "01", "1.", ".5", "1e", "1e+", "+1", "tru", "truex", "nul", "True", "1 ", " 1",
                            "--1", "NaN", "1.5.5"})
        BOOST_TEST(!is_json_literal(bad), bad);
}

BOOST_AUTO_TEST_CASE(json_is_one_value) {
    for (const char* good : {"1", " null ", "\"a\"", "[1,{\"a\":[]}]"})
        BOOST_TEST(is_json(good), good);
    for (const char* bad : {"", " ", "1 2", "[1", "{\"a\"}", "abc", "\"\xFF\""})
        BOOST_TEST(!is_json(bad), bad);
    BOOST_TEST(is_json(std::string(60, '[') + std::string(60, ']')));
    BOOST_TEST(!is_json(std::string(100000, '[')));
}

}  // namespace
}  // namespace plait::couch_async
