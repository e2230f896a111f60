#define BOOST_TEST_MODULE http_redirect
#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <utility>

#include "plait/reactor/errors.hpp"
#include "plait/tests/reactor/deflated.hpp"
#include "plait/tests/reactor/http_scripts.hpp"

using namespace plait;           // NOLINT
using namespace plait::testing;  // NOLINT

namespace {

std::string moved(const std::string& where, const std::string& status = "302 Found") {
    return "HTTP/1.1 " + status + "\r\nLocation: " + where + "\r\nContent-Length: 5\r\n\r\ngo on";
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(redirections, CallFixture)

BOOST_AUTO_TEST_CASE(a_get_is_led_on_and_the_connection_kept) {
    start(to("http://db/a/b"));
    settle();
    scripts.at(0)->received.clear();
    say(0, moved("../c?d"));
    BOOST_TEST(scripts.at(0)->received.starts_with("GET /c?d HTTP/1.1\r\n"));
    BOOST_TEST(recorder.told() == "");
    say(0, answer("here"));
    BOOST_TEST(recorder.told() == "head 200 | body | complete");
    BOOST_TEST(recorder.body == "here");
    BOOST_TEST(call->url().str() == "http://db/c?d");
    BOOST_TEST(scripts.size() == 1U);
}

BOOST_AUTO_TEST_CASE(each_status_has_its_rule_for_the_method) {
    const auto leads = [this](const std::string& method, const std::string& status) {
        made.reset();
        scripts.clear();
        auto request = to("http://db/a", method);
        request.redirections = 3;
        request.headers = {{"Content-Type", "text/x"}};
        request.body = Bytes::borrow("body");
        CallRecorder told;
        const auto running = client().start(std::move(request), told);
        settle();
        scripts.at(0)->received.clear();
        say(0, moved("/b", status));
        const auto& received = scripts.back()->received;  // HEAD is answered with too much, and sent on anew
        const bool with_headers = received.find("text/x") != std::string::npos;
        return received.substr(0, received.find(' ')) + (received.ends_with("\r\n\r\nbody") ? "+" : "") +
               (with_headers ? "h" : "");
    };
    for (const char* status : {"301 x", "302 x", "303 x"})
        BOOST_TEST(leads("POST", status) == "GET", status);
    for (const char* status : {"307 x", "308 x"})
        BOOST_TEST(leads("POST", status) == "POST+h", status);
    BOOST_TEST(leads("PUT", "301 x") == "PUT+h");
    BOOST_TEST(leads("HEAD", "303 x") == "HEAD+h");
    BOOST_TEST(leads("PUT", "303 x") == "GET");
    BOOST_TEST(leads("DELETE", "302 x") == "DELETE+h");
}

BOOST_AUTO_TEST_CASE(other_methods_are_not_led_on_unless_told_to) {
    start(to("http://db/a", "POST"));
    settle();
    say(0, moved("/b"));
    BOOST_TEST(recorder.told() == "head 302 | body | complete");
}

BOOST_AUTO_TEST_CASE(nor_is_who_does_not_want_to) {
    auto request = to("http://db/a");
    request.redirections = 0;
    start(std::move(request));
    settle();
    say(0, moved("/b"));
    BOOST_TEST(recorder.told() == "head 302 | body | complete");
}

BOOST_AUTO_TEST_CASE(another_origin_is_not_told_what_the_first_one_was) {
    listen("other", 80);
    options.headers = {{"Cookie", "c=1"}, {"User-Agent", "me"}};
    auto request = to("http://me:pw@db/a");
    request.headers = {{"Proxy-Authorization", "x"}, {"X", "y"}};
    start(std::move(request));
    settle();
    BOOST_TEST(scripts.at(0)->received.find("Authorization: Basic") != std::string::npos);
    BOOST_TEST(scripts.at(0)->received.find("Cookie: ") != std::string::npos);
    say(0, moved("http://you:too@other/b"));
    const auto& received = scripts.at(1)->received;
    BOOST_TEST(received.find("Host: other\r\n") != std::string::npos);
    BOOST_TEST(received.find("uthorization") == std::string::npos);
    BOOST_TEST(received.find("Cookie") == std::string::npos);
    BOOST_TEST(received.find("X: y\r\n") != std::string::npos);
    BOOST_TEST(received.find("User-Agent: me\r\n") != std::string::npos);
    say(1, moved("http://db/c"));
    BOOST_TEST(scripts.at(0)->received.find("GET /c ") != std::string::npos);
    BOOST_TEST(scripts.at(0)->received.substr(scripts.at(0)->received.find("GET /c ")).find("Cookie") ==
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(circles_come_to_an_end) {
    options.redirections = 3;
    int asked = 0;
    when_asked = [&asked](Script& script) {
        ++asked;
        script.received.clear();
        script.say(moved("/again"));
    };
    start(to("http://db/"));
    settle();
    BOOST_TEST(asked == 4);
    BOOST_TEST(recorder.told() == "failed");
    BOOST_TEST(recorder.failure.find("it was led on more than 3 times, last to http://db/again") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_leads_nowhere_fails_and_says_where) {
    for (const char* location : {"ftp://db/", "http://", "/%zz"}) {
        CallRecorder told;
        const auto running = client().start(to("http://db/"), told);
        settle();
        scripts.back()->say(moved(location));
        settle();
        BOOST_TEST(told.told() == "failed");
        BOOST_TEST(told.failure.find("leads nowhere") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(from_https_to_http_is_refused) {
    secure = network.connector();
    listen("db", 443);
    start(to("https://db/"));
    settle();
    say(0, moved("http://db/"));
    BOOST_TEST(recorder.failure.find("leads from https to http://db/") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_long_body_on_the_way_is_not_waited_for) {
    start(to("http://db/a"));
    settle();
    say(0, "HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 1000000\r\n\r\n" + std::string(100'000, 'x'));
    BOOST_TEST(scripts.at(0)->lost);
    BOOST_TEST(scripts.at(1)->received.starts_with("GET /b "));
    say(1, answer("here"));
    BOOST_TEST(recorder.body == "here");
}

BOOST_AUTO_TEST_CASE(a_streamed_body_cannot_be_sent_again_elsewhere) {
    Tap tap;
    auto request = to("http://db/", "PUT");
    request.source = tap.source();
    request.redirections = 3;
    start(std::move(request));
    settle();
    tap.give("");
    say(0, moved("/b", "307 Temporary Redirect"));
    BOOST_TEST(recorder.told() == "head 307 | body | complete");
}

BOOST_AUTO_TEST_CASE(a_paused_call_is_led_on_unheard) {
    start(to("http://db/a"));
    settle();
    say(0, "HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 2\r\n\r\n");
    call->pause();
    say(0, "xx");
    BOOST_TEST(scripts.at(0)->received.find("GET /b ") != std::string::npos);
    say(0, answer("here"));
    BOOST_TEST(recorder.told() == "");
    call->resume();
    settle();
    BOOST_TEST(recorder.told() == "head 200 | body | complete");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(decoding, CallFixture)

BOOST_AUTO_TEST_CASE(an_encoded_answer_comes_out_decoded) {
    for (const auto& [name, body] :
         {std::pair{"gzip", gzipped("some text")}, std::pair{"deflate", zlibbed("some text")},
          std::pair{"deflate", deflated("some text")}}) {
        auto response = get();
        settle();
        say(0, answer(body, "Content-Encoding: " + std::string(name) + "\r\n"));
        const auto got = success_of(response);
        BOOST_TEST(got.body.str() == "some text");
        BOOST_TEST(!got.head.headers.contains("Content-Encoding"));
        BOOST_TEST(!got.head.headers.contains("Content-Length"));
    }
    BOOST_TEST(scripts.size() == 1U);
}

BOOST_AUTO_TEST_CASE(who_asks_for_an_encoding_gets_it) {
    auto response = client().get(Url::parse("http://db/"), {{"Accept-Encoding", "gzip"}});
    settle();
    const auto body = gzipped("some text");
    say(0, answer(body, "Content-Encoding: gzip\r\n"));
    BOOST_TEST(success_of(response).body.str() == body);
}

BOOST_AUTO_TEST_CASE(an_encoding_around_another_is_left_as_it_is) {
    auto response = get();
    settle();
    const auto body = gzipped("some text");
    say(0, answer(body, "Content-Encoding: gzip\r\nContent-Encoding: br\r\n"));
    const auto got = success_of(response);
    BOOST_TEST(got.body.str() == body);
    BOOST_TEST(got.head.headers.count("Content-Encoding") == 2U);
}

BOOST_AUTO_TEST_CASE(part_of_a_text_is_not_asked_for_encoded) {
    auto response = client().get(Url::parse("http://db/"), {{"Range", "bytes=0-9"}});
    settle();
    BOOST_TEST(scripts.at(0)->received.find("Accept-Encoding") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_a_request_is_encoded_in_is_the_callers_affair) {
    const auto body = gzipped("some text");
    auto response =
        client().request("PUT", Url::parse("http://db/"), {{"Content-Encoding", "gzip"}}, Bytes::copy(body));
    settle();
    BOOST_TEST(scripts.at(0)->received.find("Content-Encoding: gzip\r\n") != std::string::npos);
    BOOST_TEST(scripts.at(0)->received.ends_with("\r\n\r\n" + body));
}

BOOST_AUTO_TEST_CASE(it_is_asked_for_only_when_on) {
    options.decode = false;
    auto response = get();
    settle();
    BOOST_TEST(scripts.at(0)->received.find("Accept-Encoding") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_damaged_or_cut_body_fails_and_says_so) {
    const auto body = gzipped(numbered_text(10'000));
    for (const auto& bad : {body.substr(0, body.size() - 1), body.substr(0, 5), "\x1f\x8b" + body,
                            body.substr(0, 100) + "xxxx" + body.substr(104), body + "more"}) {
        auto response = get();
        settle();
        scripts.back()->say(answer(bad, "Content-Encoding: gzip\r\n"));
        settle();
        const auto error = failure_of<HttpBadContent>(response);
        BOOST_TEST(
            std::string(error.what()).starts_with("GET http://db/: reading the answer: a body that should be in"));
    }
}

BOOST_AUTO_TEST_CASE(a_small_body_does_not_become_a_huge_one) {
    auto response = get();
    settle();
    say(0, answer(gzipped(std::string(20'000'000, '\0')), "Content-Encoding: gzip\r\n"));
    BOOST_TEST((failure_of<HttpLimitExceeded>(response).part() == HttpLimitExceeded::Part::decoded));
    settle();
    BOOST_TEST(client().connections() == 0U);
}

BOOST_AUTO_TEST_CASE(decoding_stops_when_paused) {
    const auto text = numbered_text(500'000);
    std::size_t most_between = 0;
    std::size_t last = 0;
    recorder.on_event = [&](const std::string& event) {
        if (event != "body") return;
        most_between = std::max(most_between, recorder.body.size() - last);
        call->pause();
    };
    start(to("http://db/"));
    settle();
    scripts.at(0)->say(answer(gzipped(text), "Content-Encoding: gzip\r\n"));
    for (int i = 0; i < 100 && !call->finished(); ++i) {
        last = recorder.body.size();
        settle();
        BOOST_TEST(recorder.body.size() - last <= 32U * 1024);
        call->resume();
    }
    BOOST_TEST((recorder.body == text));
    BOOST_TEST(recorder.events.back() == "complete");
    BOOST_TEST(most_between <= 32U * 1024);
}

BOOST_AUTO_TEST_CASE(a_pause_taken_back_at_once_changes_nothing) {
    const auto text = numbered_text(500'000);
    recorder.on_event = [&](const std::string& event) {
        if (event != "body") return;
        call->pause();
        call->resume();
    };
    start(to("http://db/"));
    settle();
    say(0, answer(gzipped(text), "Content-Encoding: gzip\r\n"));
    BOOST_TEST((recorder.body == text));
    BOOST_TEST(recorder.events.back() == "complete");
}

BOOST_AUTO_TEST_CASE(head_has_nothing_to_decode) {
    auto response = client().request("HEAD", Url::parse("http://db/"));
    settle();
    say(0, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 100\r\n\r\n");
    BOOST_TEST(success_of(response).body.empty());
}

BOOST_AUTO_TEST_CASE(the_length_of_what_head_does_not_send_is_no_matter) {
    options.response_bytes = 10;
    auto response = client().request("HEAD", Url::parse("http://db/"));
    settle();
    say(0, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    BOOST_TEST(success_of(response).body.empty());
    BOOST_TEST(client().idle_connections() == 1U);
    for (const char* status : {"204 No Content", "304 Not Modified"}) {
        auto bodiless = get();
        settle();
        say(0, std::string("HTTP/1.1 ") + status + "\r\nContent-Length: 100\r\n\r\n");
        BOOST_TEST(success_of(bodiless).body.empty());
    }
}

BOOST_AUTO_TEST_CASE(a_host_among_the_usual_headers_is_sent_once_and_not_to_another_origin) {
    options.headers = {{"Host", "virtual"}};
    listen("other", 80);
    auto response = client().request("GET", Url::parse("http://db/"));
    settle();
    BOOST_TEST(scripts.at(0)->received.find("Host: virtual\r\n") != std::string::npos);
    BOOST_TEST(scripts.at(0)->received.find("Host: db") == std::string::npos);
    say(0, "HTTP/1.1 302 Found\r\nLocation: http://other/\r\nContent-Length: 0\r\n\r\n");
    settle();
    BOOST_TEST_REQUIRE(scripts.size() == 2U);
    BOOST_TEST(scripts.at(1)->received.find("Host: other\r\n") != std::string::npos);
    BOOST_TEST(scripts.at(1)->received.find("virtual") == std::string::npos);
    say(1, answer("x"));
    BOOST_TEST(success_of(response).body.view() == "x");
}

BOOST_AUTO_TEST_SUITE_END()
