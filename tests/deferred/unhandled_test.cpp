#define BOOST_TEST_MODULE deferred_unhandled
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/trace.hpp"
#include "support.hpp"

using namespace plait;

BOOST_AUTO_TEST_CASE(a_failure_nobody_read_is_reported_once_with_where_the_deferred_was_made) {
    CaughtReports reports;
    const auto before = unhandled_failure_count();
    unsigned line = 0;
    {
        line = __LINE__ + 1;
        auto [deferred, promise] = make_deferred<int>();
        auto last = std::move(deferred).add_callback([](int n) { return n; });
        promise.errback(std::runtime_error("lost"));
        auto moved = std::move(last);
    }
    BOOST_TEST(reports.count() == 1u);
    BOOST_TEST(reports.last() == "std::runtime_error: lost");
    BOOST_TEST(reports.last_made().line() == line);
    BOOST_TEST(std::string(reports.last_made().file_name()).find("unhandled_test.cpp") != std::string::npos);
    BOOST_TEST(unhandled_failure_count() - before == 1u);
}

BOOST_AUTO_TEST_CASE(a_ready_failure_is_reported_with_its_origin) {
    CaughtReports reports;
    unsigned line = 0;
    {
        line = __LINE__ + 1;
        auto dropped = fail<int>(std::runtime_error("ready"));
    }
    BOOST_TEST(reports.count() == 1u);
    BOOST_TEST(reports.last_made().line() == line);
}

BOOST_AUTO_TEST_CASE(what_a_callback_throws_comes_from_where_the_callback_was_added) {
    const unsigned line = __LINE__ + 1;
    auto failed = succeed(1).add_callback([](int) -> int { throw std::runtime_error("x"); });
    BOOST_TEST(failed.take().failure().origin().line() == line);
}

BOOST_AUTO_TEST_CASE(a_failure_that_was_handled_or_taken_is_not_reported) {
    CaughtReports reports;
    {
        auto handled = fail<int>(std::runtime_error("x")).add_errback([](const Failure&) { return 0; });
        auto [deferred, promise] = make_deferred<int>();
        promise.errback(std::runtime_error("y"));
        BOOST_TEST(!deferred.take().has_value());
    }
    BOOST_TEST(reports.count() == 0u);
}

BOOST_AUTO_TEST_CASE(cancelled_is_never_reported) {
    CaughtReports reports;
    {
        auto [deferred, promise] = make_deferred<int>();
        deferred.cancel();
    }
    BOOST_TEST(reports.count() == 0u);
}

BOOST_AUTO_TEST_CASE(a_failed_coroutine_nobody_waits_for_is_reported_when_dropped) {
    CaughtReports reports;
    auto body = []() -> Deferred<> {
        co_await succeed();
        throw std::runtime_error("in the body");
    };
    {
        auto dropped = body();
    }
    BOOST_TEST(reports.count() == 1u);
    BOOST_TEST(std::string(reports.last_made().file_name()).find("unhandled_test.cpp") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_hook_that_throws_harms_nobody) {
    auto* previous = set_unhandled_failure_hook([](const UnhandledFailure&) { throw std::runtime_error("hook"); });
    const auto before = unhandled_failure_count();
    {
        auto dropped = fail<int>(std::runtime_error("x"));
    }
    BOOST_TEST(unhandled_failure_count() - before == 1u);
    set_unhandled_failure_hook(previous);
}

BOOST_AUTO_TEST_CASE(setting_a_hook_gives_the_one_before_and_null_brings_the_default_back) {
    auto* previous = set_unhandled_failure_hook(nullptr);
    auto* standard = set_unhandled_failure_hook(nullptr);
    BOOST_TEST((standard != nullptr));
    set_unhandled_failure_hook(previous);
}

BOOST_AUTO_TEST_CASE(a_report_names_the_chain_when_tracing_is_on) {
    static std::string name;
    name = "unset";
    auto* previous = set_unhandled_failure_hook([](const UnhandledFailure& unhandled) { name = unhandled.name; });
    {
        const Tracing on;
        auto [deferred, promise] = make_deferred<int>();
        auto named = std::move(deferred).named("reading /config");
        promise.errback(std::runtime_error("lost"));
    }
    BOOST_TEST(name == "reading /config");
    {
        auto [deferred, promise] = make_deferred<int>();
        auto named = std::move(deferred).named("not heard");
        promise.errback(std::runtime_error("lost"));
    }
    BOOST_TEST(name == "");
    set_unhandled_failure_hook(previous);
}

BOOST_AUTO_TEST_CASE(the_default_report_names_the_chain_and_where_each_part_was_made) {
    std::FILE* file = std::tmpfile();
    BOOST_REQUIRE((file != nullptr));
    std::fflush(stderr);
    const int saved = ::dup(STDERR_FILENO);
    ::dup2(::fileno(file), STDERR_FILENO);
    auto* previous = set_unhandled_failure_hook(nullptr);
    const unsigned line = __LINE__ + 3;
    {
        const Tracing on;
        auto [deferred, promise] = make_deferred<int>();
        auto last = std::move(deferred).add_callback([](int n) { return n; }).named("reading /config");
        promise.errback(std::runtime_error("lost"));
    }
    set_unhandled_failure_hook(previous);
    ::dup2(saved, STDERR_FILENO);
    ::close(saved);
    std::rewind(file);
    std::string text(4096, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file));
    std::fclose(file);
    auto contains = [&](const std::string& part) { return text.find(part) != std::string::npos; };
    BOOST_TEST(text.starts_with("Unhandled failure in \"reading /config\", a Deferred made at "));
    BOOST_TEST(contains("unhandled_test.cpp:" + std::to_string(line) + " in "));
    BOOST_TEST(contains(": std::runtime_error: lost\n  made at "));
    BOOST_TEST(contains("unhandled_test.cpp:" + std::to_string(line + 2) + " in "));
    BOOST_TEST(contains("\n  skipped what was added at "));
    BOOST_TEST(text.ends_with('\n'));
}

BOOST_AUTO_TEST_CASE(a_failure_that_another_chain_took_is_not_reported) {
    CaughtReports reports;
    {
        auto failed = fail<int>(std::runtime_error("held before it is chained"));
        auto last = succeed(1).add_callback([&](int) { return std::move(failed); }).add_errback([](const Failure&) {
            return 0;
        });
        BOOST_TEST(last.take().value() == 0);
        auto source = make_deferred<int>();
        source.promise.errback(std::runtime_error("the same through a Promise"));
        auto sink = make_deferred<int>();
        chain_deferred(std::move(source.deferred), std::move(sink.promise));
        BOOST_TEST(!sink.deferred.take().has_value());
    }
    BOOST_TEST(reports.count() == 0u);
}
