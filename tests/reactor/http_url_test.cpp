#define BOOST_TEST_MODULE http_url
#include "plait/reactor/protocols/url.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

using namespace plait;  // NOLINT

namespace {

std::string refusal(const std::string& text) {
    try {
        Url::parse(text);
    } catch (const BadUrl& error) {
        return error.what();
    }
    return "accepted";
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_part_of_an_address_is_taken_apart) {
    const auto url =
        Url::parse("http://me:s%40crt@db.example.org:8092/default/_design/d/_view/v?limit=1&q=%22a%22#top");
    BOOST_TEST(url.user == "me");
    BOOST_TEST(url.password == "s@crt");
    BOOST_TEST(url.host == "db.example.org");
    BOOST_TEST(url.port == 8092);
    BOOST_TEST(url.path == "/default/_design/d/_view/v");
    BOOST_TEST(url.query.value() == "limit=1&q=%22a%22");
    BOOST_TEST(url.target() == "/default/_design/d/_view/v?limit=1&q=%22a%22");
    BOOST_TEST(url.authority() == "db.example.org:8092");
    BOOST_TEST(url.str() == "http://db.example.org:8092/default/_design/d/_view/v?limit=1&q=%22a%22");
}

BOOST_AUTO_TEST_CASE(what_is_absent_has_its_usual_value) {
    const auto url = Url::parse("http://localhost");
    BOOST_TEST(url.port == 80);
    BOOST_TEST(url.target() == "/");
    BOOST_TEST(url.authority() == "localhost");
    BOOST_TEST(!url.basic_authorization().has_value());
    BOOST_TEST(Url::parse("http://localhost?a").target() == "/?a");
    BOOST_TEST(Url::parse("http://localhost/?").target() == "/?");
}

BOOST_AUTO_TEST_CASE(what_is_not_ascii_is_encoded) {
    BOOST_TEST(Url::parse("http://h/\xc3\xa9?\xe9=%20").target() == "/%C3%A9?%E9=%20");
    BOOST_TEST(Url::parse("http://h/a").resolve("\xc3\xa9").str() == "http://h/%C3%A9");
    BOOST_TEST(refusal("http://\xc3\xa9/").find("not a host name") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(ipv6_addresses_stand_in_brackets) {
    const auto url = Url::parse("http://[::1]:5984/db");
    BOOST_TEST(url.host == "::1");
    BOOST_TEST(url.port == 5984);
    BOOST_TEST(url.authority() == "[::1]:5984");
    BOOST_TEST(Url::parse("http://[fe80::1.2.3.4]").authority() == "[fe80::1.2.3.4]");
}

BOOST_AUTO_TEST_CASE(a_user_becomes_a_basic_authorization) {
    BOOST_TEST(Url::parse("http://Aladdin:open%20sesame@h/").basic_authorization().value() ==
               "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    BOOST_TEST(Url::parse("http://a@h/").basic_authorization().value() == "Basic YTo=");
    BOOST_TEST(Url::parse("http://ab:c@h/").basic_authorization().value() == "Basic YWI6Yw==");
    BOOST_TEST(Url::parse("http://ab:cd@h/").basic_authorization().value() == "Basic YWI6Y2Q=");
}

BOOST_AUTO_TEST_CASE(a_bad_address_is_refused_in_a_sentence_that_names_the_part) {
    BOOST_TEST(refusal("localhost:8092/x") ==
               "\"localhost:8092/x\" is not a usable address: it does not begin with http:// or https://");
    BOOST_TEST(refusal("") == "\"\" is not a usable address: it does not begin with http:// or https://");
    BOOST_TEST(refusal("ftp://h/").find("only http:// and https:// are") != std::string::npos);
    BOOST_TEST(refusal("http:///x").find("names no host") != std::string::npos);
    BOOST_TEST(refusal("http://h:/").find("is not a port") != std::string::npos);
    BOOST_TEST(refusal("http://h:0/").find("is not a port") != std::string::npos);
    BOOST_TEST(refusal("http://h:65536/").find("is not a port") != std::string::npos);
    BOOST_TEST(refusal("http://h:80x/").find("is not a port") != std::string::npos);
    BOOST_TEST(refusal("http://::1/").find("in brackets") != std::string::npos);
    BOOST_TEST(refusal("http://[::1/").find("not closed") != std::string::npos);
    BOOST_TEST(refusal("http://[::1]x/").find("may follow") != std::string::npos);
    BOOST_TEST(refusal("http://[x]/").find("not an IPv6") != std::string::npos);
    BOOST_TEST(refusal("http://a b/").find("blank") != std::string::npos);
    BOOST_TEST(refusal("http://h/\r\nHost: x").find("blank or control") != std::string::npos);
    BOOST_TEST(refusal("http://h/%zz").find("path or query") != std::string::npos);
    BOOST_TEST(refusal("http://h$/").find("not a host name") != std::string::npos);
    BOOST_TEST(refusal("http://%4/").find("not a host name") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_refusal_never_shows_the_password) {
    BOOST_TEST(refusal("http://me:secret@h:99999/").find("secret") == std::string::npos);
    BOOST_TEST(refusal("ftp://me:secret@h/").find("secret") == std::string::npos);
    BOOST_TEST(refusal("me:secret@h/").find("secret") == std::string::npos);
    BOOST_TEST(refusal("http://me:secret@h/ x").find("secret") == std::string::npos);
    BOOST_TEST(refusal("http://me:secret%@h/").find("secret") == std::string::npos);
    // With a bare slash or the like in it, the password looks like a port or a host.
    BOOST_TEST(refusal("http://me:secret/word@h/").find("secret") == std::string::npos);
    BOOST_TEST(refusal("http://me:secret#word@h/").find("secret") == std::string::npos);
    BOOST_TEST(refusal("http://me:x@secret$?word@h/").find("secret") == std::string::npos);
    BOOST_TEST(refusal("http://me:x@[secret]/word@h/").find("secret") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(https_has_its_own_usual_port) {
    const auto url = Url::parse("https://h/x");
    BOOST_TEST(url.secure);
    BOOST_TEST(url.port == 443);
    BOOST_TEST(url.authority() == "h");
    BOOST_TEST(url.str() == "https://h/x");
    BOOST_TEST(Url::parse("https://h:80/x").str() == "https://h:80/x");
    BOOST_TEST(Url::parse("HTTP://h:443/x").str() == "http://h:443/x");
}

BOOST_AUTO_TEST_CASE(a_reference_leads_from_where_it_stands) {
    const auto base = Url::parse("http://h:81/a/b/c?q");
    const auto leads = [&base](const char* reference) { return base.resolve(reference).str(); };
    BOOST_TEST(leads("https://other/x") == "https://other/x");
    BOOST_TEST(leads("//other/x") == "http://other/x");
    BOOST_TEST(leads("/x?y") == "http://h:81/x?y");
    BOOST_TEST(leads("x") == "http://h:81/a/b/x");
    BOOST_TEST(leads("./x") == "http://h:81/a/b/x");
    BOOST_TEST(leads("../x") == "http://h:81/a/x");
    BOOST_TEST(leads("../../../x") == "http://h:81/x");
    BOOST_TEST(leads("..") == "http://h:81/a/");
    BOOST_TEST(leads(".") == "http://h:81/a/b/");
    BOOST_TEST(leads("x/./y/../z") == "http://h:81/a/b/x/z");
    BOOST_TEST(leads("?y") == "http://h:81/a/b/c?y");
    BOOST_TEST(leads("") == "http://h:81/a/b/c?q");
    BOOST_TEST(leads("x#part") == "http://h:81/a/b/x");
}

BOOST_AUTO_TEST_CASE(a_reference_that_leads_nowhere_is_refused) {
    const auto base = Url::parse("http://h/a");
    BOOST_CHECK_THROW(base.resolve("ftp://h/"), BadUrl);
    BOOST_CHECK_THROW(base.resolve("mailto:me"), BadUrl);
    BOOST_CHECK_THROW(base.resolve("/a b"), BadUrl);
    BOOST_CHECK_THROW(base.resolve("/x\r\nHost: y"), BadUrl);
    BOOST_CHECK_THROW(base.resolve("/%zz"), BadUrl);
    BOOST_CHECK_THROW(base.resolve("//"), BadUrl);
}

BOOST_AUTO_TEST_CASE(user_and_password_stay_with_their_origin) {
    const auto base = Url::parse("http://me:pw@h/a");
    BOOST_TEST(base.resolve("/x").user == "me");
    BOOST_TEST(base.resolve("http://H:80/x").password == "pw");
    BOOST_TEST(base.resolve("http://h:81/x").user == "");
    BOOST_TEST(base.resolve("https://h/x").user == "");
    BOOST_TEST(base.resolve("//other/x").user == "");
    BOOST_TEST(base.resolve("//you@other/x").user == "you");
}

BOOST_AUTO_TEST_CASE(percent_encoding_goes_there_and_back) {
    std::string all;
    for (int c = 0; c < 256; ++c)
        all += static_cast<char>(c);
    BOOST_TEST(percent_decode(percent_encode(all)).value() == all);
    BOOST_TEST(percent_encode("[\"a b\",1]/x~") == "%5B%22a%20b%22%2C1%5D%2Fx~");
    BOOST_TEST(percent_encode_path("/a b/c") == "/a%20b/c");
    BOOST_TEST(percent_decode("a+%2b%2B").value() == "a+++");
    BOOST_TEST(!percent_decode("%").has_value());
    BOOST_TEST(!percent_decode("%1").has_value());
    BOOST_TEST(!percent_decode("%g1").has_value());
}
