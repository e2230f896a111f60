// Each member of AsyncResult, in one thread; threads_test of this folder has many.
#define BOOST_TEST_MODULE deferred_async_result
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "plait/deferred/async_result.hpp"
#include "plait/deferred/context.hpp"
#include "plait/deferred/errors.hpp"
#include "support.hpp"

using namespace plait;
using namespace std::chrono_literals;

namespace {

std::exception_ptr error(const char* what) {
    return std::make_exception_ptr(std::runtime_error(what));
}

bool is_runtime_error(const std::runtime_error& caught, const char* what) {
    return std::string(caught.what()) == what;
}

/// A loop that does nothing until asked.
struct Queue {
    std::vector<UniqueFunction<void()>> functions;
    Dispatcher dispatcher() {
        Dispatcher made;
        made.dispatch = [this](UniqueFunction<void()> function) { functions.push_back(std::move(function)); };
        return made;
    }
    void run() {
        for (auto& function : std::exchange(functions, {}))
            function();
    }
};

}  // namespace

// ready successful value exception -----------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(ready_is_true_once_it_holds_a_value_or_an_exception) {
    const AsyncResult<int> valued;
    const AsyncResult<int> failed;
    BOOST_TEST(!valued.ready());
    valued.set(1);
    failed.set_exception(error("x"));
    BOOST_TEST(valued.ready());
    BOOST_TEST(failed.ready());
    BOOST_TEST(!failed.successful());
}

BOOST_AUTO_TEST_CASE(successful_is_true_only_with_a_value) {
    const AsyncResult<int> result;
    BOOST_TEST(!result.successful());
    result.set(1);
    BOOST_TEST(result.successful());
}

BOOST_AUTO_TEST_CASE(value_is_what_was_set_and_null_otherwise) {
    const AsyncResult<std::string> result;
    BOOST_TEST((result.value() == nullptr));
    result.set("v");
    BOOST_REQUIRE((result.value() != nullptr));
    BOOST_TEST(*result.value() == "v");
    const AsyncResult<std::string> failed;
    failed.set_exception(error("x"));
    BOOST_TEST((failed.value() == nullptr));
    BOOST_TEST(!failed.successful());
}

BOOST_AUTO_TEST_CASE(exception_is_what_was_set_and_null_otherwise) {
    const AsyncResult<int> result;
    BOOST_TEST((result.exception() == nullptr));
    const auto given = error("x");
    result.set_exception(given);
    BOOST_TEST((result.exception() == given));
    const AsyncResult<int> valued;
    valued.set(1);
    BOOST_TEST((valued.exception() == nullptr));
}

// set set_exception --------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_second_set_of_any_kind_is_an_error_and_changes_nothing) {
    int calls = 0;
    const AsyncResult<int> result;
    result.rawlink([&](const AsyncResult<int>&) { ++calls; });
    result.set(1);
    BOOST_CHECK_THROW(result.set(2), AlreadyFired);
    BOOST_CHECK_THROW(result.set_exception(error("x")), AlreadyFired);
    BOOST_TEST(result.get() == 1);
    BOOST_TEST(calls == 1);
    const AsyncResult<int> failed;
    failed.set_exception(error("first"));
    BOOST_CHECK_THROW(failed.set(2), AlreadyFired);
    BOOST_CHECK_THROW(failed.set_exception(error("second")), AlreadyFired);
    BOOST_CHECK_EXCEPTION(failed.get(), std::runtime_error, [](auto& e) { return is_runtime_error(e, "first"); });
}

BOOST_AUTO_TEST_CASE(set_of_nothing_and_of_a_value_that_only_moves) {
    const AsyncResult<> done;
    done.set();
    BOOST_TEST(done.successful());
    const AsyncResult<std::unique_ptr<int>> owner;
    owner.set(std::make_unique<int>(7));
    BOOST_TEST(*owner.get() == 7);
}

BOOST_AUTO_TEST_CASE(set_exception_takes_an_exception_itself_and_refuses_none) {
    const AsyncResult<int> result;
    BOOST_CHECK_THROW(result.set_exception(std::exception_ptr()), InvalidState);
    BOOST_TEST(!result.ready());
    result.set_exception(std::out_of_range("x"));
    BOOST_CHECK_THROW(result.get(), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(a_value_whose_move_throws_is_an_exception) {
    struct Thrower {
        Thrower() = default;
        Thrower(Thrower&& other) noexcept(false) : moves(other.moves + 1) {
            if (moves == 2) throw std::runtime_error("moved");
        }
        int moves = 0;
    };
    const AsyncResult<Thrower> result;
    result.set(Thrower());
    BOOST_CHECK_THROW(result.get(), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(the_value_may_look_at_its_result_while_it_is_stored) {
    struct Looking {
        explicit Looking(const AsyncResult<Looking>* r) : result(r) {}
        Looking(Looking&& other) noexcept : result(other.result) {
            if (result->ready()) ready = true;
            result->unlink(LinkId::none);  // a lock held here would be waited for
        }
        const AsyncResult<Looking>* result;
        bool ready = false;
    };
    const AsyncResult<Looking> result;
    result.set(Looking(&result));
    BOOST_TEST(!result.get().ready);
}

// get get_nowait wait ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(get_gives_the_value_as_often_as_asked) {
    const AsyncResult<std::string> result;
    result.set("v");
    BOOST_TEST(result.get() == "v");
    BOOST_TEST(result.get(true, 1s) == "v");
    BOOST_TEST(result.get(1s) == "v");
    BOOST_TEST(result.get(false) == "v");
    BOOST_TEST(&result.get() == result.value());
}

BOOST_AUTO_TEST_CASE(get_raises_the_exception_with_its_own_type) {
    const AsyncResult<int> result;
    result.set_exception(std::out_of_range("x"));
    BOOST_CHECK_THROW(result.get(), std::out_of_range);
    BOOST_CHECK_THROW(result.get(false), std::out_of_range);
    BOOST_CHECK_THROW(result.get_nowait(), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(get_without_a_result_in_time_raises_timeout_error) {
    const AsyncResult<int> result;
    BOOST_CHECK_THROW(result.get(1ms), TimeoutError);
    BOOST_CHECK_THROW(result.get(true, 1ms), TimeoutError);
    BOOST_CHECK_THROW(result.get(0s), TimeoutError);
    BOOST_CHECK_THROW(result.get(-1s), TimeoutError);
    BOOST_CHECK_THROW(result.get(false), TimeoutError);
    BOOST_CHECK_THROW(result.get(false, 1h), TimeoutError);
    result.set(1);
    BOOST_TEST(result.get(0s) == 1);
}

BOOST_AUTO_TEST_CASE(get_nowait_gives_the_value_or_raises_timeout_error) {
    const AsyncResult<int> result;
    BOOST_CHECK_THROW(result.get_nowait(), TimeoutError);
    result.set(1);
    BOOST_TEST(result.get_nowait() == 1);
}

BOOST_AUTO_TEST_CASE(get_of_a_handle_that_goes_is_a_copy) {
    AsyncResult<std::string> result;
    result.set("longer than what is held inside of a string");
    const std::string& kept = std::move(result).get();
    result = AsyncResult<std::string>();
    BOOST_TEST(kept == "longer than what is held inside of a string");
    static_assert(std::is_same_v<decltype(AsyncResult<int>().get_nowait()), int>);
}

BOOST_AUTO_TEST_CASE(wait_tells_whether_it_is_ready_and_never_raises_the_exception) {
    const AsyncResult<int> result;
    BOOST_TEST(!result.wait(1ms));
    BOOST_TEST(!result.wait(0s));
    result.set_exception(error("x"));
    BOOST_TEST(result.wait());
    BOOST_TEST(result.wait(0s));
    BOOST_TEST(!result.successful());
}

BOOST_AUTO_TEST_CASE(a_wait_where_the_result_is_to_be_set_is_refused) {
    const AsyncResult<int> result(no_waiting_in_this_thread());
    BOOST_CHECK_THROW(result.wait(), InvalidState);
    BOOST_CHECK_THROW(result.wait(1h), InvalidState);
    BOOST_CHECK_THROW(result.get(), InvalidState);
    BOOST_TEST(!result.wait(0s));  // does not wait
    BOOST_CHECK_THROW(result.get_nowait(), TimeoutError);
    result.set(1);
    BOOST_TEST(result.wait());
    BOOST_TEST(result.get() == 1);
}

// rawlink ------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(rawlink_calls_in_the_order_linked_with_the_result_itself) {
    std::vector<int> order;
    const AsyncResult<int> result;
    for (int i : {1, 2, 3}) {
        result.rawlink([&, i](const AsyncResult<int>& given) {
            BOOST_TEST((given == result));
            BOOST_TEST(given.get() == 7);
            order.push_back(i);
        });
    }
    BOOST_TEST(order.empty());
    result.set(7);
    BOOST_TEST(order == (std::vector<int>{1, 2, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(rawlink_on_a_ready_result_calls_the_new_callback_alone_once_and_at_once) {
    int early = 0;
    int late = 0;
    const AsyncResult<int> result;
    result.rawlink([&](const AsyncResult<int>&) { ++early; });
    result.set(1);
    result.rawlink([&](const AsyncResult<int>&) { ++late; });
    BOOST_TEST(late == 1);
    BOOST_TEST(early == 1);
}

BOOST_AUTO_TEST_CASE(a_callback_linked_twice_is_called_twice) {
    int calls = 0;
    auto callback = [&](const AsyncResult<int>&) { ++calls; };
    const AsyncResult<int> result;
    const LinkId first = result.rawlink(callback);
    const LinkId second = result.rawlink(callback);
    BOOST_TEST((first != second));
    result.set(1);
    BOOST_TEST(calls == 2);
}

BOOST_AUTO_TEST_CASE(a_callback_that_throws_is_reported_and_does_not_stop_the_others) {
    const CaughtReports reports;
    int calls = 0;
    const AsyncResult<int> result;
    result.rawlink([](const AsyncResult<int>&) { throw std::runtime_error("callback"); });
    result.rawlink([&](const AsyncResult<int>&) { ++calls; });
    BOOST_CHECK_NO_THROW(result.set(1));
    BOOST_TEST(calls == 1);
    BOOST_TEST(reports.count() == 1u);
    BOOST_TEST(reports.last() == "std::runtime_error: callback");
    BOOST_CHECK_NO_THROW(result.rawlink([](const AsyncResult<int>&) { throw std::runtime_error("late"); }));
    BOOST_TEST(reports.count() == 2u);
}

BOOST_AUTO_TEST_CASE(a_callback_may_drop_the_last_handle) {
    Token token;
    bool last_ran = false;
    auto result = std::make_optional<AsyncResult<std::shared_ptr<int>>>();
    result->rawlink([&result, held = token.copy()](const auto&) { result.reset(); });
    result->rawlink([&](const auto&) { last_ran = true; });
    result->set(token.copy());
    BOOST_TEST(!result);
    BOOST_TEST(last_ran);
    BOOST_TEST(token.gone());

    result.emplace();
    result->set(token.copy());
    result->rawlink([&result](const auto&) { result.reset(); });
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(a_callback_may_link_others_which_are_called_at_once) {
    std::vector<std::string> order;
    const AsyncResult<int> result;
    result.rawlink([&](const AsyncResult<int>& given) {
        given.rawlink([&](const AsyncResult<int>&) { order.push_back("inner"); });
        order.push_back("first");
    });
    result.rawlink([&](const AsyncResult<int>&) { order.push_back("second"); });
    result.set(1);
    BOOST_TEST(order == (std::vector<std::string>{"inner", "first", "second"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_callback_may_set_another_result_and_try_to_set_its_own) {
    const AsyncResult<int> other;
    const AsyncResult<int> result;
    bool refused = false;
    result.rawlink([&](const AsyncResult<int>& given) {
        other.set(given.get() + 1);
        try {
            given.set(3);
        } catch (const AlreadyFired&) {
            refused = true;
        }
    });
    result.set(1);
    BOOST_TEST(other.get() == 2);
    BOOST_TEST(refused);
}

BOOST_AUTO_TEST_CASE(callbacks_are_destroyed_when_called_or_with_the_last_handle) {
    Token token;
    {
        const AsyncResult<int> result;
        result.rawlink([held = token.copy()](const AsyncResult<int>&) {});
        result.set(1);
        BOOST_TEST(token.gone());
        const AsyncResult<int> never;
        never.rawlink([held = token.copy()](const AsyncResult<int>&) { ++*held; });
        BOOST_TEST(!token.gone());
    }
    BOOST_TEST(token.gone());
    BOOST_TEST(*token.copy() == 0);
}

BOOST_AUTO_TEST_CASE(a_callback_runs_in_the_context_in_which_it_was_linked) {
    static const ContextKey<std::string> request{"request"};
    std::string seen;
    const auto note = [&](const AsyncResult<int>&) { seen += Context::current().fields() + ";"; };
    const AsyncResult<int> result;
    result.rawlink(note);
    {
        const ContextScope scope(request, "linker");
        result.rawlink(note);
    }
    const ContextScope scope(request, "setter");
    result.set(1);
    BOOST_TEST(seen == ";request=linker;");
    BOOST_TEST(*request.get() == "setter");
}

// unlink -------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(unlink_takes_one_callback_back_and_destroys_it) {
    Token token;
    int calls = 0;
    const AsyncResult<int> result;
    const LinkId link = result.rawlink([&, held = token.copy()](const AsyncResult<int>&) { calls += 10; });
    result.rawlink([&](const AsyncResult<int>&) { ++calls; });
    BOOST_TEST(result.unlink(link));
    BOOST_TEST(token.gone());
    BOOST_TEST(!result.unlink(link));
    result.set(1);
    BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(unlink_after_the_calls_and_of_foreign_links_does_nothing) {
    const AsyncResult<int> result;
    const AsyncResult<int> other;
    int calls = 0;
    const LinkId link = result.rawlink([&](const AsyncResult<int>&) { ++calls; });
    BOOST_TEST(!other.unlink(link));
    BOOST_TEST(!result.unlink(LinkId::none));
    result.set(1);
    BOOST_TEST(!result.unlink(link));
    const LinkId late = result.rawlink([&](const AsyncResult<int>&) { ++calls; });
    BOOST_TEST(!result.unlink(late));
    BOOST_TEST(calls == 2);
}

BOOST_AUTO_TEST_CASE(a_callback_may_unlink_others_and_itself) {
    int calls = 0;
    LinkId own = LinkId::none;
    LinkId next = LinkId::none;
    const AsyncResult<int> result;
    own = result.rawlink([&](const AsyncResult<int>& given) {
        BOOST_TEST(!given.unlink(own));
        BOOST_TEST(given.unlink(next));
    });
    next = result.rawlink([&](const AsyncResult<int>&) { calls += 10; });
    result.rawlink([&](const AsyncResult<int>&) { ++calls; });
    result.set(1);
    BOOST_TEST(calls == 1);
}

// dispatchers --------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(with_a_dispatcher_callbacks_run_where_it_calls_them_in_order) {
    Queue queue;
    std::vector<int> order;
    const AsyncResult<int> result(queue.dispatcher());
    result.rawlink([&](const AsyncResult<int>&) { order.push_back(1); });
    result.rawlink([&](const AsyncResult<int>&) { order.push_back(2); });
    result.set(7);
    result.rawlink([&](const AsyncResult<int>&) { order.push_back(3); });
    BOOST_TEST(order.empty());
    queue.run();
    BOOST_TEST(order == (std::vector<int>{1, 2, 3}), boost::test_tools::per_element());
    queue.run();
    BOOST_TEST(order.size() == 3u);
}

BOOST_AUTO_TEST_CASE(what_was_given_to_a_dispatcher_may_still_be_unlinked) {
    Queue queue;
    Token token;
    const AsyncResult<int> result(queue.dispatcher());
    const LinkId link = result.rawlink([held = token.copy()](const AsyncResult<int>&) { ++*held; });
    result.set(7);
    BOOST_TEST(result.unlink(link));
    BOOST_TEST(token.gone());
    queue.run();
    BOOST_TEST(*token.copy() == 0);
}

BOOST_AUTO_TEST_CASE(a_dispatched_callback_keeps_the_result_and_goes_when_the_dispatcher_drops_it) {
    Queue queue;
    Token token;
    int seen = 0;
    {
        const AsyncResult<int> result(queue.dispatcher());
        result.rawlink([&](const AsyncResult<int>& given) { seen = given.get(); });
        result.set(7);
    }
    queue.run();
    BOOST_TEST(seen == 7);
    {
        const AsyncResult<int> result(queue.dispatcher());
        result.rawlink([&, held = token.copy()](const AsyncResult<int>&) { seen = 0; });
        result.set(8);
    }
    queue.functions.clear();
    BOOST_TEST(token.gone());
    BOOST_TEST(seen == 7);
}

BOOST_AUTO_TEST_CASE(a_dispatcher_that_drops_a_function_drops_its_callback_though_handles_are_left) {
    Queue queue;
    Token token;
    const AsyncResult<int> result(queue.dispatcher());
    result.rawlink([own = result, held = token.copy()](const AsyncResult<int>&) { ++*held; });
    result.set(7);
    BOOST_TEST(!token.gone());
    queue.functions.clear();
    BOOST_TEST(token.gone());
    BOOST_TEST(*token.copy() == 0);
}

BOOST_AUTO_TEST_CASE(a_dispatcher_that_throws_is_reported_and_does_not_stop_the_others) {
    const CaughtReports reports;
    int calls = 0;
    Dispatcher dispatcher;
    dispatcher.dispatch = [&](UniqueFunction<void()> function) {
        if (++calls == 1) throw std::runtime_error("full");
        function();
    };
    bool ran = false;
    const AsyncResult<int> result(dispatcher);
    result.rawlink([](const AsyncResult<int>&) {});
    result.rawlink([&](const AsyncResult<int>&) { ran = true; });
    result.set(1);
    BOOST_TEST(ran);
    BOOST_TEST(reports.count() == 1u);
}

BOOST_AUTO_TEST_CASE(a_dispatcher_that_calls_at_once_outlives_the_callback_that_drops_the_last_handle) {
    Token token;
    int calls = 0;
    std::optional<AsyncResult<int>> result;
    Dispatcher dispatcher;
    dispatcher.dispatch = [&calls, held = token.copy()](UniqueFunction<void()> function) {
        std::exchange(function, nullptr)();
        calls += *held + 1;  // reads what it captured, which the result owns
    };
    result.emplace(std::move(dispatcher));
    result->set(1);
    result->rawlink([&](const AsyncResult<int>&) { result.reset(); });
    BOOST_TEST(calls == 1);
    BOOST_TEST(token.gone());
}

// the end ------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(an_exception_nobody_was_told_of_is_reported_with_where_the_result_was_made) {
    const CaughtReports reports;
    unsigned line = 0;
    {
        line = __LINE__ + 1;
        const AsyncResult<int> result;
        result.rawlink([](const AsyncResult<int>&) {});
        BOOST_TEST(!result.wait(0s));
        result.set_exception(error("unread"));
        BOOST_TEST(result.ready());
    }
    BOOST_TEST(reports.count() == 1u);
    BOOST_TEST(reports.last() == "std::runtime_error: unread");
    BOOST_TEST(reports.last_made().line() == line);
}

BOOST_AUTO_TEST_CASE(an_exception_somebody_was_told_of_is_not_reported_nor_is_cancelled) {
    const CaughtReports reports;
    {
        const std::vector<AsyncResult<int>> results{{}, {}, {}, {}};
        BOOST_TEST(!results[0].successful());  // not yet: this told of no exception
        for (std::size_t i = 0; i < 3; ++i)
            results[i].set_exception(error("x"));
        results[3].set_exception(Cancelled());
        BOOST_CHECK_THROW(results[0].get(), std::runtime_error);
        BOOST_TEST((results[1].exception() != nullptr));
        BOOST_TEST(!results[2].successful());
    }
    BOOST_TEST(reports.count() == 0u);
}

BOOST_AUTO_TEST_CASE(a_producer_that_goes_without_setting_breaks_its_promise) {
    const AsyncResult<int> result;
    bool called = false;
    result.rawlink([&](const AsyncResult<int>& given) { called = given.exception() != nullptr; });
    {
        AsyncProducer<int> first(result);
        AsyncProducer moved(std::move(first));
        BOOST_TEST(!result.ready());
    }
    BOOST_TEST(called);
    BOOST_CHECK_THROW(result.get(), BrokenPromise);
}

BOOST_AUTO_TEST_CASE(a_producer_sets_once_and_goes_quietly_afterwards) {
    const AsyncResult<int> result;
    AsyncProducer<int> producer(result);
    producer.set(1);
    BOOST_CHECK_THROW(producer.set(2), InvalidState);
    BOOST_TEST(result.get() == 1);
    const AsyncResult<> failed;
    AsyncProducer<>(failed).set_exception(std::out_of_range("x"));
    BOOST_CHECK_THROW(failed.get(), std::out_of_range);
    const AsyncResult<int> set_by_another;
    {
        AsyncProducer<int> late(set_by_another);
        set_by_another.set(5);
    }
    BOOST_TEST(set_by_another.get() == 5);
    AsyncProducer<int> refused(set_by_another);
    BOOST_CHECK_THROW(refused.set(6), AlreadyFired);
}

BOOST_AUTO_TEST_CASE(a_wrong_use_of_a_producer_breaks_its_promise_too) {
    const AsyncResult<int> result;
    AsyncProducer<int> producer(result);
    BOOST_CHECK_THROW(producer.set_exception(std::exception_ptr()), InvalidState);
    BOOST_CHECK_THROW(result.get(), BrokenPromise);
}

BOOST_AUTO_TEST_CASE(a_producer_that_is_assigned_over_breaks_its_promise) {
    const AsyncResult<int> one;
    const AsyncResult<int> two;
    AsyncProducer<int> producer(one);
    producer = AsyncProducer<int>(two);
    BOOST_CHECK_THROW(one.get(), BrokenPromise);
    producer.set(2);
    BOOST_TEST(two.get() == 2);
}

BOOST_AUTO_TEST_CASE(a_broken_promise_of_nobody_is_not_reported) {
    const CaughtReports reports;
    {
        AsyncProducer<int> producer{AsyncResult<int>()};
    }
    BOOST_TEST(reports.count() == 0u);
    Token token;
    {
        AsyncResult<int> result;
        result.rawlink([held = token.copy()](const AsyncResult<int>& given) { *held = given.successful() ? 1 : 2; });
        AsyncProducer<int> producer(std::exchange(result, AsyncResult<int>()));
    }
    BOOST_TEST(*token.copy() == 2);  // a linked callback is somebody
    BOOST_TEST(reports.count() == 0u);
}
