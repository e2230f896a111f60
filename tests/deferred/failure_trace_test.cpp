#define BOOST_TEST_MODULE deferred_failure_trace
#include <boost/test/unit_test.hpp>
#include <exception>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

#include "plait/deferred/deferred.hpp"
#include "support.hpp"

using namespace plait;

namespace {

using Kind = FailurePlace::Kind;

struct Lost : std::runtime_error {
    Lost() : std::runtime_error("lost") {}
};

int unchanged(int n) {
    return n;
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++found;
    return found;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_failure_names_each_callback_it_skipped_in_order) {
    auto chain = [](Deferred<int> d) {
        return std::move(d).add_callback(unchanged).add_callback(unchanged).add_errback<std::logic_error>(
            [](const std::logic_error&) { return 0; });
    };
    const unsigned line = __LINE__ - 3;
    auto check = [&](const Failure& failure) {
        BOOST_REQUIRE(failure.places().size() == 3u);
        for (const FailurePlace& place : failure.places()) {
            BOOST_TEST((place.kind == Kind::skipped));
            BOOST_TEST(place.where.line() >= line);
            BOOST_TEST(place.where.line() <= line + 2);
        }
    };
    check(chain(fail<int>(Lost())).take().failure());
    auto [deferred, promise] = make_deferred<int>();
    auto last = chain(std::move(deferred));
    promise.errback(Lost());
    check(last.take().failure());
}

BOOST_AUTO_TEST_CASE(an_errback_that_throws_it_again_or_returns_it_keeps_origin_and_way) {
    auto made = make_failure(Lost());
    auto failure = fail<int>(made)
                       .add_callback(unchanged)
                       .add_errback([](const Failure& f) -> int { f.raise(); })
                       .add_errback([](Failure f) { return f; })
                       .add_both([](Result<int> result) { return result; })
                       .add_both([](const Result<int>& result) -> Result<int> { return result.failure(); })
                       .add_callbacks(unchanged, [](Failure&& f) { return std::move(f); })
                       .take()
                       .failure();
    BOOST_TEST(failure.origin().line() == made.origin().line());
    BOOST_REQUIRE(failure.places().size() == 6u);
    BOOST_TEST((failure.places()[0].kind == Kind::skipped));
    for (const FailurePlace& place : failure.places().subspan(1))
        BOOST_TEST((place.kind == Kind::handed_on));
    BOOST_TEST(made.places().empty());
}

BOOST_AUTO_TEST_CASE(another_exception_from_an_errback_begins_a_way_of_its_own) {
    unsigned line = 0;
    auto failed = fail<int>(Lost()).add_callback(unchanged);
    line = __LINE__ + 1;
    auto other = std::move(failed).add_errback([](const Failure&) -> int { throw std::logic_error("other"); });
    const auto failure = other.take().failure();
    BOOST_TEST(failure.origin().line() == line);
    BOOST_TEST(failure.places_passed() == 0u);
}

BOOST_AUTO_TEST_CASE(an_errback_for_a_base_class_handles_and_one_for_another_class_is_passed) {
    const auto handled = fail<int>(Lost())
                             .add_errback<std::logic_error>([](const std::logic_error&) { return 1; })
                             .add_errback<std::runtime_error>([](const std::runtime_error&) { return 2; })
                             .take();
    BOOST_TEST(handled.value() == 2);
}

namespace {

Deferred<int> awaits(Deferred<int>& deferred) {
    const int n = co_await std::move(deferred);
    co_return n + 1;
}

Deferred<int> throws_again(Deferred<int>& deferred) {
    try {
        co_return co_await std::move(deferred);
    } catch (const std::exception&) {
        throw;
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_failure_names_each_co_await_it_was_thrown_from_and_keeps_its_origin) {
    auto check = [](const Failure& failure, unsigned origin) {
        BOOST_TEST(failure.origin().line() == origin);
        BOOST_REQUIRE(failure.places().size() == 3u);
        BOOST_TEST((failure.places()[0].kind == Kind::awaited));
        BOOST_TEST(contains(failure.places()[0].where.function_name(), "awaits"));
        BOOST_TEST((failure.places()[1].kind == Kind::skipped));
        BOOST_TEST((failure.places()[2].kind == Kind::awaited));
        BOOST_TEST(contains(failure.places()[2].where.function_name(), "throws_again"));
        BOOST_TEST(contains(failure.full_message(), "\n  thrown from the co_await at "));
    };
    auto [deferred, promise] = make_deferred<int>();
    auto middle = awaits(deferred).add_callback(unchanged);
    auto last = throws_again(middle);
    promise.errback(Lost());
    check(last.take().failure(), __LINE__ - 1);
    auto failed = fail<int>(Lost());
    auto ready_middle = awaits(failed).add_callback(unchanged);
    check(throws_again(ready_middle).take().failure(), __LINE__ - 2);
}

BOOST_AUTO_TEST_CASE(two_coroutines_that_await_copies_have_ways_of_their_own) {
    const auto shared = make_failure(Lost());
    auto a = fail<int>(shared);
    auto b = fail<int>(shared);
    auto left = awaits(a).take().failure();
    auto right = throws_again(b).take().failure();
    BOOST_REQUIRE(left.places().size() == 1u);
    BOOST_REQUIRE(right.places().size() == 1u);
    BOOST_TEST(contains(left.places()[0].where.function_name(), "awaits"));
    BOOST_TEST(contains(right.places()[0].where.function_name(), "throws_again"));
    BOOST_TEST(shared.places().empty());
}

BOOST_AUTO_TEST_CASE(copies_part_and_do_not_mix_their_ways) {
    const auto shared = make_failure(Lost());
    auto left = fail<int>(shared).add_callback(unchanged).add_callback(unchanged).take().failure();
    auto right = fail<int>(shared).add_errback([](const Failure& f) { return f; }).take().failure();
    BOOST_TEST(shared.places_passed() == 0u);
    BOOST_TEST(left.places_passed() == 2u);
    BOOST_TEST(right.places_passed() == 1u);
    BOOST_TEST(left.same_exception(right));
    BOOST_TEST(left.exception() == right.exception());
    auto copy = left;
    copy.note_passed(SourceLocation::current());
    BOOST_TEST(copy.places_passed() == 3u);
    BOOST_TEST(left.places_passed() == 2u);
    BOOST_TEST((copy.places()[2].kind == Kind::awaited));
}

BOOST_AUTO_TEST_CASE(only_the_first_places_are_kept_and_the_rest_is_counted) {
    auto failed = fail<int>(Lost());
    for (int i = 0; i < 100; ++i)
        failed = std::move(failed).add_callback(unchanged);
    const auto failure = failed.take().failure();
    BOOST_TEST(failure.places().size() == Failure::most_places);
    BOOST_TEST(failure.places_passed() == 100u);
    BOOST_TEST(count(failure.full_message(), "skipped what was added at") == Failure::most_places);
    BOOST_TEST(contains(failure.full_message(), "and passed 84 places more"));
}

BOOST_AUTO_TEST_CASE(the_full_message_names_type_text_origin_and_places_a_line_each) {
    const auto failure = fail<int>(Lost()).add_callback(unchanged).take().failure();
    const std::string text = failure.full_message();
    BOOST_TEST(text.starts_with(failure.message() + "\n  made at "));
    BOOST_TEST(count(text, "\n") == 2u);
    BOOST_TEST(count(text, "failure_trace_test.cpp:") == 2u);
    BOOST_TEST(!text.ends_with('\n'));
}

BOOST_AUTO_TEST_CASE(the_full_message_names_what_the_exception_says_it_was_caused_by) {
    try {
        try {
            try {
                throw 42;
            } catch (...) {
                std::throw_with_nested(Lost());
            }
        } catch (...) {
            std::throw_with_nested(std::logic_error("outer"));
        }
    } catch (...) {
        const auto failure = Failure::current();
        BOOST_TEST(failure.message() == "std::logic_error: outer");
        const std::string text = failure.full_message();
        const auto first = text.find("\n  caused by (anonymous namespace)::Lost: lost");
        BOOST_TEST(first != std::string::npos);
        BOOST_TEST(text.find("\n  caused by int") > first);
        BOOST_TEST(contains(text, "caused by int"));
    }
}

BOOST_AUTO_TEST_CASE(causes_without_end_are_cut) {
    std::exception_ptr error;
    for (int i = 0; i < 50; ++i) {
        try {
            if (error) std::rethrow_exception(error);
            throw Lost();
        } catch (...) {
            try {
                std::throw_with_nested(Lost());
            } catch (...) {
                error = std::current_exception();
            }
        }
    }
    const std::string text = Failure(error).full_message();
    BOOST_TEST(count(text, "caused by") == 16u);
    BOOST_TEST(text.ends_with("and more causes"));
}

BOOST_AUTO_TEST_CASE(a_stream_gets_the_one_line) {
    std::ostringstream stream;
    stream << make_failure(std::runtime_error("x"));
    BOOST_TEST(stream.str() == "std::runtime_error: x");
}

BOOST_AUTO_TEST_CASE(a_moved_from_failure_has_no_way_and_takes_none) {
    auto first = make_failure(Lost());
    auto second = std::move(first);
    first.note_passed(SourceLocation::current());
    BOOST_TEST(first.places().empty());
    BOOST_TEST(first.places_passed() == 0u);
    BOOST_TEST(first.full_message() == "moved-from Failure");
    BOOST_TEST(!first.same_exception(second));
}
