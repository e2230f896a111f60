#define BOOST_TEST_MODULE http_calls
#include <zlib.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "plait/deferred/coroutine.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/tests/reactor/deflated.hpp"
#include "plait/tests/reactor/http_scripts.hpp"

using namespace plait;                 // NOLINT
using namespace plait::testing;        // NOLINT
using namespace std::chrono_literals;  // NOLINT

namespace {

HttpClientRequest to(const std::string& url, std::string method = "GET") {
    HttpClientRequest request;
    request.method = std::move(method);
    request.url = Url::parse(url);
    return request;
}

std::string moved(const std::string& where, const std::string& status = "302 Found") {
    return "HTTP/1.1 " + status + "\r\nLocation: " + where + "\r\nContent-Length: 5\r\n\r\ngo on";
}

struct Fixture : HttpClientFixture {
    void start(HttpClientRequest request) { call = client().start(std::move(request), recorder); }

    CallRecorder recorder;
    std::unique_ptr<HttpCall> call;
};

/// A source whose pieces the test gives.
struct Tap {
    HttpBodySource source(std::optional<std::uint64_t> length = std::nullopt) {
        return {[this] {
                    ++asked;
                    auto [deferred, made] = make_deferred<Bytes>([this] { dropped = true; });
                    promise = std::move(made);
                    return std::move(deferred);
                },
                length};
    }
    void give(const std::string& text) {
        auto now = std::move(promise);
        now.callback(Bytes::copy(text));
    }

    Promise<Bytes> promise;
    int asked = 0;
    bool dropped = false;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(handlers, Fixture)

BOOST_AUTO_TEST_CASE(nothing_is_told_before_start_has_returned) {
    network.close_port({"db", 80});
    start(to("http://db/"));
    BOOST_TEST(recorder.told() == "");
    settle();
    BOOST_TEST(recorder.told() == "failed");
    BOOST_TEST(call->finished());
}

BOOST_AUTO_TEST_CASE(trailers_are_told) {
    start(to("http://db/"));
    settle();
    say(0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\n\r\n");
    BOOST_TEST(recorder.told() == "head 200 | body | trailers | complete");
}

BOOST_AUTO_TEST_CASE(a_pause_holds_the_server_up_and_a_resume_goes_on) {
    start(to("http://db/"));
    recorder.on_event = [this](const std::string& event) {
        if (event == "head 200") call->pause();
    };
    settle();
    say(0, answer("body"));
    BOOST_TEST(recorder.told() == "head 200");
    call->resume();
    BOOST_TEST(recorder.told() == "head 200");
    settle();
    BOOST_TEST(recorder.told() == "head 200 | body | complete");
    BOOST_TEST(client().idle_connections() == 1U);
}

BOOST_AUTO_TEST_CASE(a_call_may_be_destroyed_from_each_of_its_events) {
    for (const char* at : {"head 200", "body", "trailers", "complete", "failed"}) {
        CallRecorder told;
        std::unique_ptr<HttpCall> doomed;
        told.on_event = [&](const std::string& event) {
            if (event == at) doomed.reset();
        };
        made.reset();
        if (at == std::string("failed")) network.close_port({"db", 80});
        doomed = client().start(to("http://db/"), told);
        settle();
        if (!scripts.empty()) {
            scripts.back()->say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\n\r\n");
        }
        settle();
        BOOST_TEST(told.events.back() == at);
        BOOST_TEST(doomed == nullptr);
    }
}

BOOST_AUTO_TEST_CASE(what_a_handler_throws_ends_the_call_and_is_what_it_is_told) {
    start(to("http://db/"));
    recorder.on_event = [](const std::string& event) {
        if (event == "body") throw std::runtime_error("enough");
    };
    settle();
    say(0, answer("body"));
    BOOST_TEST(recorder.told() == "head 200 | body | failed");
    BOOST_TEST(recorder.failure.find("enough") != std::string::npos);
    settle();
    BOOST_TEST(client().connections() == 0U);
}

BOOST_AUTO_TEST_CASE(a_call_may_outlive_its_client) {
    start(to("http://db/"));
    settle();
    made.reset();
    BOOST_TEST(recorder.told() == "failed");
    call.reset();
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(streams, Fixture)

BOOST_AUTO_TEST_CASE(a_stream_is_there_with_the_head_and_read_piece_by_piece) {
    auto opened = client().open(to("http://db/x"));
    settle();
    no_result(opened);
    say(0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    auto stream = success_of(opened);
    BOOST_TEST(stream.head.status == 200);
    BOOST_TEST(stream.url.str() == "http://db/x");
    auto first = stream.body.read();
    no_result(first);
    auto too_many = stream.body.read();
    failure_of<InvalidState>(too_many);
    say(0, "2\r\nab\r\n2\r\ncd\r\n");
    BOOST_TEST(success_of(first).str() == "ab");
    auto second = stream.body.read();
    BOOST_TEST(success_of(second).str() == "cd");
    auto third = stream.body.read();
    say(0, "0\r\n\r\n");
    BOOST_TEST(success_of(third).empty());
    auto fourth = stream.body.read();
    BOOST_TEST(success_of(fourth).empty());
    BOOST_TEST(client().idle_connections() == 1U);
}

BOOST_AUTO_TEST_CASE(who_does_not_read_holds_up_the_server) {
    network.set_bytes_per_step(4096);
    auto opened = client().open(to("http://db/"));
    settle();
    say(0, answer(std::string(1 << 20, 'x')));
    BOOST_TEST(scripts.at(0)->transport().write_buffered() > 800'000U);
    auto stream = success_of(opened);
    auto all = stream.body.read_all(2 << 20);
    settle();
    BOOST_TEST(success_of(all).size() == 1U << 20);
}

BOOST_AUTO_TEST_CASE(dropping_the_body_closes_the_connection) {
    auto opened = client().open(to("http://db/"));
    settle();
    say(0, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab");
    {
        const auto stream = success_of(opened);
    }
    settle();
    BOOST_TEST(scripts.at(0)->lost);
    BOOST_TEST(client().connections() == 0U);
}

BOOST_AUTO_TEST_CASE(dropping_a_body_that_is_complete_keeps_the_connection) {
    auto opened = client().open(to("http://db/"));
    settle();
    say(0, answer("ab"));
    {
        const auto stream = success_of(opened);
    }
    settle();
    BOOST_TEST(client().idle_connections() == 1U);
}

BOOST_AUTO_TEST_CASE(a_cut_body_is_read_up_to_the_cut) {
    auto opened = client().open(to("http://db/"));
    settle();
    say(0, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab");
    scripts.at(0)->transport().lose_connection();
    settle();
    auto stream = success_of(opened);
    auto first = stream.body.read();
    BOOST_TEST(success_of(first).str() == "ab");
    auto second = stream.body.read();
    BOOST_TEST((failure_of<HttpTruncated>(second).where() == HttpTruncated::Where::body));
}

BOOST_AUTO_TEST_CASE(reading_all_is_bounded) {
    auto opened = client().open(to("http://db/"));
    settle();
    say(0, answer("abcdef"));
    auto stream = success_of(opened);
    auto all = stream.body.read_all(5);
    failure_of<HttpLimitExceeded>(all);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(uploads, Fixture)

BOOST_AUTO_TEST_CASE(a_body_of_unknown_length_goes_out_in_chunks) {
    Tap tap;
    auto request = to("http://db/", "PUT");
    request.source = tap.source();
    start(std::move(request));
    BOOST_TEST(tap.asked == 0);
    settle();
    BOOST_TEST(tap.asked == 1);
    tap.give("hello");
    settle();
    tap.give(std::string(26, 'x'));
    settle();
    tap.give("");
    settle();
    const auto& received = scripts.at(0)->received;
    BOOST_TEST(received.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
    BOOST_TEST(received.ends_with("\r\n\r\n5\r\nhello\r\n1a\r\n" + std::string(26, 'x') + "\r\n0\r\n\r\n"));
    say(0, answer("ok"));
    BOOST_TEST(recorder.told() == "head 200 | body | complete");
    BOOST_TEST(client().idle_connections() == 1U);
}

BOOST_AUTO_TEST_CASE(a_body_of_known_length_must_have_it) {
    const auto send = [this](std::uint64_t length, const std::vector<std::string>& pieces) {
        Tap tap;
        auto request = to("http://db/", "PUT");
        request.source = tap.source(length);
        CallRecorder told;
        const auto running = client().start(std::move(request), told);
        settle();
        for (const auto& piece : pieces) {
            tap.give(piece);
            settle();
        }
        return told.failure + scripts.back()->received.substr(scripts.back()->received.find("\r\n\r\n") + 4);
    };
    BOOST_TEST(send(4, {"ab", "cd", ""}) == "abcd");
    BOOST_TEST(send(4, {"ab", "cde"}).find("longer than was said") != std::string::npos);
    BOOST_TEST(send(4, {"ab", ""}).find("2 bytes shorter") != std::string::npos);
    settle();
    BOOST_TEST(client().connections() == 0U);
}

BOOST_AUTO_TEST_CASE(a_server_that_does_not_read_holds_the_source_up) {
    Tap tap;
    auto request = to("http://db/", "PUT");
    request.source = tap.source();
    start(std::move(request));
    settle();
    scripts.at(0)->transport().pause_producing();
    tap.give(std::string(100'000, 'x'));
    settle();
    BOOST_TEST(tap.asked == 1);
    clock.advance(74s);
    BOOST_TEST(recorder.told() == "");
    clock.advance(1s);
    BOOST_TEST(recorder.told() == "failed");
    BOOST_TEST(recorder.failure.find("was not taken by the server within 75 s") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_failing_source_fails_the_request) {
    auto request = to("http://db/", "PUT");
    request.source = HttpBodySource{[] { return fail<Bytes>(std::runtime_error("the disk is gone")); }};
    start(std::move(request));
    settle();
    BOOST_TEST(recorder.failure.find("the disk is gone") != std::string::npos);
    settle();
    BOOST_TEST(scripts.at(0)->lost);
}

BOOST_AUTO_TEST_CASE(a_source_may_end_its_own_call) {
    auto request = to("http://db/", "PUT");
    request.source = HttpBodySource{[this, big = std::string(100, 'x')] {
        call.reset();
        return succeed(Bytes::copy(big));
    }};
    start(std::move(request));
    settle();
    BOOST_TEST(recorder.told() == "");
    BOOST_TEST(client().connections() == 0U);
}

BOOST_AUTO_TEST_CASE(dropping_the_call_drops_what_the_source_works_on) {
    Tap tap;
    auto request = to("http://db/", "PUT");
    request.source = tap.source();
    start(std::move(request));
    settle();
    call.reset();
    BOOST_TEST(tap.dropped);
}

BOOST_AUTO_TEST_CASE(an_early_answer_ends_the_upload_and_the_connection) {
    Tap tap;
    auto request = to("http://db/", "PUT");
    request.source = tap.source();
    start(std::move(request));
    settle();
    say(0, answer("too much", "", "413 Content Too Large"));
    BOOST_TEST(recorder.told() == "head 413 | body | complete");
    BOOST_TEST(tap.dropped);
    BOOST_TEST(client().connections() == 0U);
}

BOOST_AUTO_TEST_CASE(a_large_body_in_memory_is_sent_as_there_is_room) {
    auto request = to("http://db/", "PUT");
    request.body = Bytes::own(std::string(300'000, 'x'));
    start(std::move(request));
    settle();
    BOOST_TEST(scripts.at(0)->received.ends_with(std::string(300'000, 'x')));
    BOOST_TEST(scripts.at(0)->received.find("Content-Length: 300000\r\n") != std::string::npos);
    say(0, answer("ok"));
    BOOST_TEST(recorder.told() == "head 200 | body | complete");
}

BOOST_AUTO_TEST_CASE(with_expect_the_body_waits_to_be_asked_for) {
    auto request = to("http://db/", "PUT");
    request.body = Bytes::borrow("the body");
    request.expect_continue = true;
    start(std::move(request));
    settle();
    BOOST_TEST(scripts.at(0)->received.ends_with("Expect: 100-continue\r\nContent-Length: 8\r\n\r\n"));
    say(0, "HTTP/1.1 100 Continue\r\n\r\n");
    BOOST_TEST(scripts.at(0)->received.ends_with("\r\n\r\nthe body"));
    say(0, answer("ok"));
    BOOST_TEST(recorder.told() == "head 200 | body | complete");
    BOOST_TEST(client().idle_connections() == 1U);
}

BOOST_AUTO_TEST_CASE(but_not_for_long) {
    auto request = to("http://db/", "PUT");
    request.body = Bytes::borrow("the body");
    request.expect_continue = true;
    start(std::move(request));
    settle();
    clock.advance(1s);
    settle();
    BOOST_TEST(scripts.at(0)->received.ends_with("\r\n\r\nthe body"));
}

BOOST_AUTO_TEST_CASE(and_not_at_all_when_it_is_refused) {
    auto request = to("http://db/", "PUT");
    request.body = Bytes::borrow("the body");
    request.expect_continue = true;
    start(std::move(request));
    settle();
    say(0, answer("no", "", "403 Forbidden"));
    BOOST_TEST(recorder.told() == "head 403 | body | complete");
    clock.advance(5s);
    settle();
    BOOST_TEST(scripts.at(0)->received.find("the body") == std::string::npos);
    BOOST_TEST(client().connections() == 0U);
}

BOOST_AUTO_TEST_CASE(a_stream_can_be_sent_on) {
    listen("other", 80);
    auto opened = client().open(to("http://db/"));
    settle();
    say(0, answer("from there"));
    auto stream = success_of(opened);
    auto request = to("http://other/", "PUT");
    request.source = std::move(stream.body).as_source(10);
    start(std::move(request));
    settle();
    BOOST_TEST(scripts.at(1)->received.ends_with("Content-Length: 10\r\n\r\nfrom there"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(redirections, Fixture)

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
        const auto& received = scripts.at(0)->received;
        const bool with_body = received.ends_with("\r\n\r\nbody") && received.find("text/x") != std::string::npos;
        return received.substr(0, received.find(' ')) + (with_body ? "+" : "");
    };
    for (const char* status : {"301 x", "302 x", "303 x"})
        BOOST_TEST(leads("POST", status) == "GET", status);
    for (const char* status : {"307 x", "308 x"})
        BOOST_TEST(leads("POST", status) == "POST+", status);
    BOOST_TEST(leads("PUT", "301 x") == "PUT+");
    BOOST_TEST(leads("PUT", "303 x") == "GET");
    BOOST_TEST(leads("DELETE", "302 x") == "DELETE+");
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
    when_asked = [](Script& script) {
        script.received.clear();
        script.say(moved("/again"));
    };
    start(to("http://db/"));
    settle();
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

BOOST_FIXTURE_TEST_SUITE(decoding, Fixture)

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

BOOST_AUTO_TEST_SUITE_END()
