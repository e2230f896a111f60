// The `Date` of answers: on which it is, what it says, and when it says something else.
#define BOOST_TEST_MODULE http_date
#include <array>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <ctime>
#include <functional>
#include <iomanip>
#include <locale>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plait/deferred/testing/caught_reports.hpp"
#include "plait/reactor/detail/http_server_connection.hpp"
#include "plait/tests/reactor/http_server_fixture.hpp"

using namespace plait;                 // NOLINT
using namespace plait::testing;        // NOLINT
using namespace std::chrono_literals;  // NOLINT

namespace {

/// What the wall clock says to the servers below, and how often it was asked.
std::time_t wall_time = 0;
int looks = 0;

/// The example of RFC 9110, 5.6.7.
constexpr std::time_t then = 784111777;
constexpr std::string_view date_then = "Date: Sun, 06 Nov 1994 08:49:37 GMT";

/// A connection to a server with a wall clock of the test's.
struct DatedServer {
    DatedServer() {
        wall_time = then;
        looks = 0;
    }

    void open(bool turned_away = false) {
        shared = std::make_shared<plait::detail::HttpServerShared>(clock, options);
        shared->wall_clock = [] {
            ++looks;
            return wall_time;
        };
        shared->handler = std::make_shared<HttpServerFactory::Handler>(
            [this](const HttpRequest&, HttpAnswer answer) { serve(std::move(answer)); });
        connect(turned_away);
    }

    void connect(bool turned_away = false) {
        transport.emplace(std::make_shared<plait::detail::HttpServerConnection>(shared, turned_away));
    }

    std::string ask(std::string_view text) {
        if (!transport) open();
        transport->deliver(text);
        clock.advance(0s);
        return transport->take_written();
    }

    ManualClock clock;
    HttpServerOptions options;
    std::function<void(HttpAnswer)> serve = [](const HttpAnswer& answer) { answer->respond(200, {}, Bytes()); };
    std::shared_ptr<plait::detail::HttpServerShared> shared;
    std::optional<MemoryTransport> transport;
};

/// The lines that say a date, of the first head in `text`.
std::vector<std::string> dates(const std::string& text) {
    std::vector<std::string> found;
    std::istringstream lines(text.substr(0, text.find("\r\n\r\n") + 2));
    for (std::string line; std::getline(lines, line);) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (equal_ignoring_case(line.substr(0, 5), "Date:")) found.push_back(line);
    }
    return found;
}

bool dated_once(const std::string& text, std::string_view date = date_then) {
    const auto found = dates(text);
    return found.size() == 1 && found.front() == date;
}

std::time_t seconds_of(const std::string& line) {
    std::tm parts{};
    std::istringstream text(line);
    text.imbue(std::locale::classic());
    text >> std::get_time(&parts, "Date: %a, %d %b %Y %H:%M:%S GMT");
    BOOST_TEST(!text.fail(), line);
    return ::timegm(&parts);
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_server_dates_its_answers_by_the_clock_on_the_wall_unless_told_otherwise, AskedServer) {
    options = HttpServerOptions();
    echo();
    const auto before = std::time(nullptr);
    const auto found = dates(ask(get));
    const auto after = std::time(nullptr);
    BOOST_TEST_REQUIRE(found.size() == 1U);
    BOOST_TEST(found.front().size() == date_then.size());
    BOOST_TEST(seconds_of(found.front()) >= before);
    BOOST_TEST(seconds_of(found.front()) <= after);
}

BOOST_FIXTURE_TEST_SUITE(dated, DatedServer)

BOOST_AUTO_TEST_CASE(the_date_is_a_header_like_others_in_the_form_of_the_rfc) {
    BOOST_TEST(ask(get) == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(whatever_the_handler_answers_has_one) {
    for (const int status : {200, 204, 206, 301, 304, 404, 500, 503}) {
        serve = [status](const HttpAnswer& answer) { answer->respond(status, {}, Bytes::borrow("x")); };
        BOOST_TEST(dated_once(ask(get)), status);
    }
    serve = [](const HttpAnswer& answer) {
        answer->start(200);
        answer->write(Bytes::borrow("x"));
        answer->finish();
    };
    BOOST_TEST(dated_once(ask(get)));
    BOOST_TEST(dated_once(ask("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")));
    BOOST_TEST(dated_once(ask("GET / HTTP/1.0\r\n\r\n")));
}

BOOST_AUTO_TEST_CASE(the_handlers_own_is_kept_and_no_other_beside_it) {
    for (const std::string name : {"Date", "date", "DATE"}) {
        const std::string own = "Tue, 15 Nov 1994 08:12:31 GMT";
        serve = [&](const HttpAnswer& answer) { answer->respond(200, {{name, own}}, Bytes()); };
        BOOST_TEST(dated_once(ask(get), name + ": " + own), name);
    }
    BOOST_TEST(looks == 0);
}

BOOST_AUTO_TEST_CASE(a_100_has_none) {
    BOOST_TEST(ask(put("Content-Length: 2\r\nExpect: 100-continue\r\n")) == "HTTP/1.1 100 Continue\r\n\r\n");
    BOOST_TEST(dated_once(ask("ab")));
}

BOOST_AUTO_TEST_CASE(what_the_server_says_by_itself_has_one) {
    options.limits.body_bytes = 10;
    options.limits.head_bytes = 100;
    const std::array<std::pair<std::string, int>, 8> refused{{
        {"nonsense\r\n\r\n", 400},
        {put("Content-Length: 11\r\n"), 413},
        {get_path("/" + std::string(200, 'x')), 414},
        {put("Content-Length: 1\r\nExpect: a-miracle\r\n"), 417},
        {get_path("/", "X: " + std::string(200, 'x') + "\r\n"), 431},
        {"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 501},
        {put("Transfer-Encoding: gzip, chunked\r\n"), 501},
        {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
    }};
    for (const auto& [text, status] : refused) {
        open();
        const auto told = ask(text);
        BOOST_TEST(told.starts_with("HTTP/1.1 " + std::to_string(status)), told);
        BOOST_TEST(dated_once(told), told);
    }
}

BOOST_AUTO_TEST_CASE(and_so_have_those_about_time_room_and_its_handler) {
    CaughtReports reports;
    ask("GET / HT");
    clock.advance(30s);
    const auto late = transport->take_written();
    BOOST_TEST(late.starts_with("HTTP/1.1 408 "));
    BOOST_TEST(dated_once(late));

    open(true);
    const auto full = transport->take_written();
    BOOST_TEST(full.starts_with("HTTP/1.1 503 "));
    BOOST_TEST(dated_once(full));

    open();
    serve = [](const HttpAnswer&) {};
    const auto dropped = ask(get);
    BOOST_TEST(dropped.starts_with("HTTP/1.1 500 "));
    BOOST_TEST(dated_once(dropped));

    serve = [](const HttpAnswer&) { throw std::runtime_error("cannot"); };
    const auto thrown = ask(get);
    BOOST_TEST(thrown.starts_with("HTTP/1.1 500 "));
    BOOST_TEST(dated_once(thrown));
    reports.expect(1);
}

BOOST_AUTO_TEST_CASE(it_follows_the_wall_clock_onwards_and_back) {
    BOOST_TEST(dated_once(ask(get)));
    BOOST_TEST(dated_once(ask(get)));
    ++wall_time;
    BOOST_TEST(dated_once(ask(get), "Date: Sun, 06 Nov 1994 08:49:38 GMT"));
    connect();  // the text is the server's, not the connection's
    BOOST_TEST(dated_once(ask(get), "Date: Sun, 06 Nov 1994 08:49:38 GMT"));
    wall_time = then;
    BOOST_TEST(dated_once(ask(get)));
    wall_time = 951'782'400;
    BOOST_TEST(dated_once(ask(get), "Date: Tue, 29 Feb 2000 00:00:00 GMT"));
}

BOOST_AUTO_TEST_CASE(even_from_the_first_second_there_is) {
    wall_time = 0;
    BOOST_TEST(dated_once(ask(get), "Date: Thu, 01 Jan 1970 00:00:00 GMT"));
}

BOOST_AUTO_TEST_CASE(an_answer_costs_one_look_at_the_clock) {
    for (int i = 0; i < 10; ++i)
        ask(get);
    BOOST_TEST(looks == 10);
}

BOOST_AUTO_TEST_CASE(switched_off_there_is_none_but_the_handlers) {
    options.date = false;
    BOOST_TEST(dates(ask(get)).empty());
    BOOST_TEST(dates(ask("nonsense\r\n\r\n")).empty());
    open();
    serve = [](const HttpAnswer& answer) { answer->respond(200, {{"Date", "whenever"}}, Bytes()); };
    BOOST_TEST(dated_once(ask(get), "Date: whenever"));
    BOOST_TEST(looks == 0);
}

BOOST_AUTO_TEST_SUITE_END()
