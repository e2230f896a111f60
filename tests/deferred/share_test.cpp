#define BOOST_TEST_MODULE deferred_share
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "plait/deferred/share.hpp"
#include "several.hpp"
#include "support.hpp"

namespace {

std::size_t live_blocks = 0;

}  // namespace

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    void* memory = std::malloc(size);
    if (memory != nullptr) ++live_blocks;
    return memory;
}
void* operator new(std::size_t size) {
    if (void* memory = operator new(size, std::nothrow)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
    if (memory != nullptr) --live_blocks;
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    operator delete(memory);
}

using namespace plait;

namespace {

/// A source that counts how often it was cancelled.
struct Source {
    int cancelled = 0;
    Promise<int> promise;
    SharedDeferred<int> shared;

    Source() {
        auto [deferred, fires] = make_deferred<int>([this] { ++cancelled; });
        promise = std::move(fires);
        shared = std::move(deferred).share();
    }
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    ~Source() { shared = {}; }
};

template <typename T>
concept BranchesByCopy = requires(const SharedDeferred<T>& shared) { shared.branch(); };

}  // namespace

BOOST_AUTO_TEST_CASE(each_branch_gets_a_copy_of_the_value) {
    Source source;
    auto a = source.shared.branch();
    auto b = source.shared.branch();
    BOOST_TEST(!source.shared.ready());
    source.promise.callback(7);
    BOOST_TEST(source.shared.ready());
    BOOST_TEST(a.take().value() == 7);
    BOOST_TEST(b.take().value() == 7);
    BOOST_TEST(source.shared.branch().take().value() == 7);
}

BOOST_AUTO_TEST_CASE(a_shared_ready_deferred_gives_ready_branches) {
    auto shared = succeed(std::string("here")).share();
    BOOST_TEST(shared.branch().take().value() == "here");
    auto failed = fail<int>(std::runtime_error("x")).share();
    BOOST_TEST(failed.branch().take().failure().message() == "std::runtime_error: x");
}

BOOST_AUTO_TEST_CASE(branches_fire_in_the_order_they_were_made) {
    std::string order;
    Source source;
    std::vector<Deferred<>> branches;
    for (const char* name : {"a", "b", "c"})
        branches.push_back(source.shared.branch().add_callback([&order, name](int) { order += name; }));
    source.promise.callback(1);
    BOOST_TEST(order == "abc");
}

BOOST_AUTO_TEST_CASE(a_branch_made_inside_a_branchs_callback_waits_for_those_before_it) {
    std::string order;
    Source source;
    std::vector<Deferred<>> inside;
    auto a = source.shared.branch().add_callback([&](int) {
        order += "a";
        auto late = source.shared.branch();
        BOOST_TEST(!late.ready());
        inside.push_back(std::move(late).add_callback([&](int) { order += "c"; }));
    });
    auto b = source.shared.branch().add_callback([&](int) { order += "b"; });
    source.promise.callback(1);
    BOOST_TEST(order == "abc");
}

BOOST_AUTO_TEST_CASE(a_failure_is_copied_to_each_branch) {
    CaughtReports reports;
    Source source;
    auto a = source.shared.branch();
    auto b = source.shared.branch();
    source.promise.errback(std::runtime_error("x"));
    BOOST_TEST(a.take().failure().message() == "std::runtime_error: x");
    BOOST_TEST(b.take().failure().message() == "std::runtime_error: x");
    BOOST_TEST(source.shared.branch().take().failure().message() == "std::runtime_error: x");
    source.shared = {};
    BOOST_TEST(reports.count() == 0u);
}

BOOST_AUTO_TEST_CASE(a_failure_that_no_branch_saw_is_reported_once) {
    CaughtReports reports;
    {
        Source source;
        const auto copy = source.shared;
        source.promise.errback(std::runtime_error("x"));
        source.shared = {};
        BOOST_TEST(reports.count() == 0u);
    }
    BOOST_TEST(reports.count() == 1u);
    BOOST_TEST(std::string(reports.last_made().file_name()).find("share_test") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_branch_that_drops_its_failure_unread_reports_it) {
    CaughtReports reports;
    Source source;
    {
        auto a = source.shared.branch();
        auto b = source.shared.branch();
        source.promise.errback(std::runtime_error("x"));
        BOOST_TEST(!a.take().has_value());
    }
    source.shared = {};
    BOOST_TEST(reports.count() == 1u);
}

BOOST_AUTO_TEST_CASE(cancelling_a_branch_tells_that_one_alone) {
    Source source;
    auto a = source.shared.branch();
    auto b = source.shared.branch();
    a.cancel();
    BOOST_TEST(a.take().failure().check<Cancelled>() != nullptr);
    BOOST_TEST(source.cancelled == 0);
    source.promise.callback(2);
    BOOST_TEST(b.take().value() == 2);
}

BOOST_AUTO_TEST_CASE(cancelling_the_shared_cancels_the_source_and_tells_all) {
    Source source;
    auto a = source.shared.branch();
    auto b = source.shared.branch();
    source.shared.cancel();
    BOOST_TEST(source.cancelled == 1);
    BOOST_TEST(a.take().failure().check<Cancelled>() != nullptr);
    BOOST_TEST(b.take().failure().check<Cancelled>() != nullptr);
    source.shared.cancel();
    BOOST_TEST(source.cancelled == 1);
}

BOOST_AUTO_TEST_CASE(dropping_one_branch_leaves_the_rest) {
    Source source;
    auto a = source.shared.branch();
    {
        auto b = source.shared.branch();
    }
    BOOST_TEST(source.cancelled == 0);
    source.promise.callback(3);
    BOOST_TEST(a.take().value() == 3);
}

BOOST_AUTO_TEST_CASE(the_source_is_dropped_with_the_last_who_shares_it) {
    Source source;
    auto copy = source.shared;
    std::optional<Deferred<int>> branch = source.shared.branch();
    source.shared = {};
    copy = {};
    BOOST_TEST(source.cancelled == 0);
    branch.reset();
    BOOST_TEST(source.cancelled == 1);
    BOOST_TEST(!source.promise.wanted());
}

BOOST_AUTO_TEST_CASE(cancelling_the_last_branch_drops_the_source) {
    Source source;
    auto branch = source.shared.branch();
    source.shared = {};
    branch.cancel();
    BOOST_TEST(branch.take().failure().check<Cancelled>() != nullptr);
    BOOST_TEST(source.cancelled == 1);
}

BOOST_AUTO_TEST_CASE(a_waiting_branch_alone_keeps_the_source) {
    Source source;
    auto branch = source.shared.branch();
    source.shared = {};
    source.promise.callback(4);
    BOOST_TEST(branch.take().value() == 4);
}

BOOST_AUTO_TEST_CASE(all_may_be_dropped_inside_a_branchs_callback) {
    Token token;
    Source source;
    Deferred<> b;
    auto a = source.shared.branch().add_callback([&](int) {
        source.shared = {};
        b = Deferred<>();
    });
    b = source.shared.branch().add_callback([held = token.copy()](int) { BOOST_ERROR("dropped before"); });
    source.promise.callback(1);
    BOOST_TEST(token.gone());
    BOOST_TEST(source.cancelled == 0);
}

BOOST_AUTO_TEST_CASE(a_callback_may_drop_its_own_branch_with_all_the_rest) {
    Source source;
    Deferred<> only;
    only = source.shared.branch().add_callback([&](int) {
        source.shared = {};
        only = Deferred<>();
    });
    source.promise.callback(1);
    BOOST_TEST(!only.valid());
}

BOOST_AUTO_TEST_CASE(a_callback_may_cancel_the_shared_and_another_branch) {
    Source source;
    std::optional<Deferred<int>> b;
    auto a = source.shared.branch().add_callback([&](int) {
        b->cancel();
        source.shared.cancel();
    });
    b = source.shared.branch();
    source.promise.callback(1);
    BOOST_TEST(a.ready());
    BOOST_TEST(b->take().failure().check<Cancelled>() != nullptr);
}

BOOST_AUTO_TEST_CASE(a_canceller_may_answer_and_the_answer_may_drop_all) {
    SharedDeferred<int> shared;
    auto [deferred, promise] = make_deferred<int>([](Promise<int>& answer) { answer.callback(5); });
    shared = std::move(deferred).share();
    int seen = 0;
    auto branch = shared.branch().add_callback([&](int n) {
        seen = n;
        shared = {};
    });
    shared.cancel();
    BOOST_TEST(seen == 5);
    BOOST_TEST(!shared.valid());
}

BOOST_AUTO_TEST_CASE(a_canceller_that_throws_is_reported_and_counts_as_no_answer) {
    CaughtReports reports;
    auto [deferred, promise] = make_deferred<int>([] { throw std::runtime_error("canceller"); });
    auto shared = std::move(deferred).share();
    auto branch = shared.branch();
    shared.cancel();
    BOOST_TEST(branch.take().failure().check<Cancelled>() != nullptr);
    BOOST_TEST(reports.count() == 1u);
}

BOOST_AUTO_TEST_CASE(a_source_whose_promise_dies_fails_each_branch) {
    SharedDeferred<int> shared;
    Deferred<int> branch;
    {
        auto [deferred, promise] = make_deferred<int>();
        shared = std::move(deferred).share();
        branch = shared.branch();
    }
    BOOST_TEST(branch.take().failure().check<BrokenPromise>() != nullptr);
}

BOOST_AUTO_TEST_CASE(branches_that_come_and_go_leave_nothing) {
    Token token;
    Source source;
    const auto count_after = [&](int branches) {
        for (int i = 0; i < branches; ++i) {
            auto branch = source.shared.branch().add_callback([held = token.copy()](int) {});
            if (i % 2 == 0) branch.cancel();
        }
        return live_blocks;
    };
    BOOST_TEST(count_after(10) == count_after(10000));
    BOOST_TEST(token.gone());
    BOOST_TEST(source.cancelled == 0);
}

BOOST_AUTO_TEST_CASE(what_copying_throws_fails_that_branch_alone) {
    struct Costly {
        int copies_left;
        explicit Costly(int n) : copies_left(n) {}
        Costly(const Costly& other) : copies_left(other.copies_left) {
            if (copies_left == 0) throw std::runtime_error("no copy");
        }
        Costly(Costly&&) = default;
        Costly& operator=(Costly&&) = delete;
        ~Costly() = default;
    };
    auto [deferred, promise] = make_deferred<Costly>();
    auto shared = std::move(deferred).share();
    auto a = shared.branch();
    auto b = shared.branch_ref();
    promise.callback(Costly(0));
    BOOST_TEST(a.take().failure().message() == "std::runtime_error: no copy");
    BOOST_TEST(b.take().value()->copies_left == 0);
}

BOOST_AUTO_TEST_CASE(a_value_that_cannot_be_moved_fails_each_branch) {
    for (int moves = 0; moves < 4; ++moves) {
        auto [deferred, promise] = make_deferred<Heavy>();
        auto shared = std::move(deferred).share();
        auto branch = shared.branch_ref();
        Heavy heavy;
        Heavy::moves_left = moves + 2;  // the first two are callback()'s own
        promise.callback(std::move(heavy));
        Heavy::moves_left = -1;
        BOOST_TEST(shared.ready());
        BOOST_TEST(branch.take().has_value() == (moves > 0));
    }
}

BOOST_AUTO_TEST_CASE(branch_ref_shares_what_cannot_be_copied) {
    auto [deferred, promise] = make_deferred<std::unique_ptr<int>>();
    auto shared = std::move(deferred).share();
    auto a = shared.branch_ref();
    auto b = shared.branch_ref();
    promise.callback(std::make_unique<int>(6));
    shared = {};
    const auto first = a.take().value();
    BOOST_TEST(**first == 6);
    BOOST_TEST(first.get() == b.take().value().get());
    static_assert(BranchesByCopy<int>);
    static_assert(!BranchesByCopy<std::unique_ptr<int>>);
}

BOOST_AUTO_TEST_CASE(a_shared_deferred_without_a_value) {
    auto [deferred, promise] = make_deferred();
    auto shared = std::move(deferred).share();
    auto a = shared.branch();
    promise.callback();
    BOOST_TEST(a.take().has_value());
}

BOOST_AUTO_TEST_CASE(a_coroutine_may_await_it_any_number_of_times) {
    Source source;
    auto body = [](SharedDeferred<int> shared) -> Deferred<int> {
        const int first = co_await shared;
        const int second = co_await shared;
        co_return first + second;
    };
    auto one = body(source.shared);
    auto two = body(source.shared);
    source.promise.callback(10);
    BOOST_TEST(one.take().value() == 20);
    BOOST_TEST(two.take().value() == 20);
}

BOOST_AUTO_TEST_CASE(cancelling_a_coroutine_that_awaits_it_leaves_the_source) {
    Source source;
    auto body = [](SharedDeferred<int> shared) -> Deferred<int> { co_return co_await shared; };
    auto waiting = body(source.shared);
    waiting.cancel();
    BOOST_TEST(waiting.take().failure().check<Cancelled>() != nullptr);
    BOOST_TEST(source.cancelled == 0);
    static_cast<void>(body(source.shared));
    BOOST_TEST(source.cancelled == 0);
}

BOOST_AUTO_TEST_CASE(a_branch_may_be_shared_again) {
    Source source;
    auto again = source.shared.branch().add_callback([](int n) { return n + 1; }).share();
    auto last = again.branch();
    source.promise.callback(1);
    BOOST_TEST(last.take().value() == 2);
}

BOOST_AUTO_TEST_CASE(an_empty_one_throws) {
    SharedDeferred<int> empty;
    BOOST_TEST(!empty.valid());
    BOOST_TEST(!empty.ready());
    BOOST_CHECK_THROW(std::ignore = empty.branch(), InvalidState);
    BOOST_CHECK_THROW(empty.cancel(), InvalidState);
    BOOST_CHECK_THROW(std::ignore = Deferred<int>().share(), InvalidState);
}
