#define BOOST_TEST_MODULE deferred_drop_inside
#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "plait/deferred/attach.hpp"
#include "plait/deferred/deferred.hpp"
#include "support.hpp"

using namespace plait;

namespace {

/// A chain that its own parts may drop, and what they say.
struct Root {
    Deferred<> deferred;
    std::string order;

    void drop() { deferred = Deferred<>(); }
};

Deferred<> child(Root& root, Deferred<> first, std::string& of_parent) {
    const NotesItsEnd local(root.order, "child ");
    co_await std::move(first);
    root.drop();
    of_parent += "still here";
    root.order += "ran ";
}

Deferred<> parent(Root& root, Deferred<> first) {
    const NotesItsEnd local(root.order, "parent ");
    std::string text = "a text that is long enough to lie on the heap; ";
    co_await child(root, std::move(first), text);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_coroutine_that_drops_the_one_that_awaits_it_may_go_on_to_use_what_is_there) {
    Root root;
    auto [first, promise] = make_deferred<>();
    root.deferred = parent(root, std::move(first));
    promise.callback();
    BOOST_TEST(root.order == "ran child parent ");
}

BOOST_AUTO_TEST_CASE(dropping_run_coroutine_from_inside_keeps_the_captures_until_the_next_wait) {
    Root root;
    auto [first, promise] = make_deferred<>();
    auto [second, never] = make_deferred<>();
    root.deferred = run_coroutine([&root, &next = second, until = std::make_unique<Deferred<>>(std::move(first)),
                                   captured = NotesItsEnd(root.order, "capture ")]() -> Deferred<> {
        const NotesItsEnd local(root.order, "local ");
        co_await std::move(*until);
        root.drop();
        root.order += "ran ";
        BOOST_TEST((until != nullptr));
        co_await std::move(next);
    });
    promise.callback();
    BOOST_TEST(root.order == "ran local capture ");
    BOOST_TEST(!never.wanted());
}

BOOST_AUTO_TEST_CASE(what_is_attached_further_out_outlives_a_callback_further_in_that_drops_the_whole) {
    Root root;
    auto [outer, fire_outer] = make_deferred<>();
    auto [inner, fire_inner] = make_deferred<>();
    auto waiting = std::move(inner).add_callback([&root] {
        root.drop();
        root.order += "ran ";
    });
    root.deferred = std::move(outer)
                        .add_callback([&waiting] { return std::move(waiting); })
                        .attach(NotesItsEnd(root.order, "attached "));
    fire_outer.callback();
    fire_inner.callback();
    BOOST_TEST(root.order == "ran attached ");
}

BOOST_AUTO_TEST_CASE(a_canceller_that_drops_the_whole_may_go_on_to_use_what_is_there) {
    Root root;
    std::optional<Promise<>> held;
    auto reads = [](Root& whole, std::optional<Promise<>>& kept) -> Deferred<> {
        const NotesItsEnd local(whole.order, "local ");
        auto [deferred, promise] = make_deferred<>([&whole] {
            whole.drop();
            whole.order += "asked ";
        });
        kept = std::move(promise);
        co_await std::move(deferred);
    };
    root.deferred = reads(root, held);
    root.deferred.cancel();
    BOOST_TEST(root.order == "asked local ");
    BOOST_TEST(!held->wanted());
}

BOOST_AUTO_TEST_CASE(a_canceller_whose_answer_drops_the_whole_ends_it_once) {
    Root root;
    Token token;
    auto [deferred, promise] = make_deferred<>([&root](Promise<>& answer) {
        answer.callback();
        root.order += "asked ";
    });
    root.deferred = std::move(deferred)
                        .add_callback([&root] { root.drop(); })
                        .add_callback([held = token.copy(), noted = NotesItsEnd(root.order, "rest ")] { *held = 1; });
    root.deferred.cancel();
    BOOST_TEST(root.order == "asked rest ");
    BOOST_TEST(token.gone());
    BOOST_TEST(*token.copy() == 0);
}

BOOST_AUTO_TEST_CASE(a_parameter_of_what_was_awaited_may_drop_the_whole_as_it_goes) {
    struct DropsAtEnd {
        explicit DropsAtEnd(Root& of) : root(&of) {}
        DropsAtEnd(DropsAtEnd&& other) noexcept : root(std::exchange(other.root, nullptr)) {}
        DropsAtEnd& operator=(DropsAtEnd&&) = delete;
        ~DropsAtEnd() {
            if (root != nullptr) root->drop();
        }
        Root* root;
    };
    Root root;
    auto [first, promise] = make_deferred<>();
    auto innermost = [](DropsAtEnd, Deferred<> until) -> Deferred<> { co_await std::move(until); };
    auto middle = [](Root& of, Deferred<> awaited, std::string& text) -> Deferred<> {
        struct Uses {
            ~Uses() { text += "used "; }
            std::string& text;
        };
        const NotesItsEnd local(of.order, "middle ");
        const Uses uses{text};
        co_await std::move(awaited);
        of.order += "never ";
    };
    auto outer = [&middle](Root& of, Deferred<> awaited) -> Deferred<> {
        const NotesItsEnd local(of.order, "outer ");
        std::string text = "a text that is long enough to lie on the heap; ";
        co_await middle(of, std::move(awaited), text);
    };
    root.deferred = outer(root, innermost(DropsAtEnd(root), std::move(first)));
    promise.callback();
    BOOST_TEST(root.order == "middle outer ");
}

BOOST_AUTO_TEST_CASE(a_pause_of_what_was_dropped_from_inside_holds_nothing_at_once) {
    Root root;
    Token token;
    auto [outer, fire_outer] = make_deferred<>();
    auto [inner, fire_inner] = make_deferred<>();
    std::optional<Pause> pause;
    bool held = true;
    auto waiting = std::move(inner).add_callback([&] {
        root.drop();
        held = pause->holds();
        pause->unpause();
    });
    root.deferred =
        std::move(outer).add_callback([&waiting] { return std::move(waiting); }).add_callback([seen = token.copy()] {
            *seen = 1;
        });
    pause = root.deferred.pause();
    fire_outer.callback();
    pause->unpause();
    pause = root.deferred.pause();
    fire_inner.callback();
    BOOST_TEST(!held);
    BOOST_TEST(token.gone());
    BOOST_TEST(*token.copy() == 0);
}

BOOST_AUTO_TEST_CASE(the_end_of_a_coroutine_that_is_passed_over_may_fire_what_it_waited_for) {
    struct FiresAtEnd {
        explicit FiresAtEnd(Promise<>& of) : promise(&of) {}
        FiresAtEnd(FiresAtEnd&& other) noexcept : promise(std::exchange(other.promise, nullptr)) {}
        FiresAtEnd& operator=(FiresAtEnd&&) = delete;
        ~FiresAtEnd() {
            if (promise != nullptr && promise->wanted()) promise->callback();
        }
        Promise<>* promise;
    };
    Token token;
    auto [start, fire_start] = make_deferred<>();
    auto [last, fire_last] = make_deferred<>();
    auto [outer, fire_outer] = make_deferred<>();
    auto ended = [](FiresAtEnd, Deferred<> until) -> Deferred<> { co_await std::move(until); };
    auto line =
        ended(FiresAtEnd(fire_last), std::move(start)).add_callback([&awaited = last] { return std::move(awaited); });
    fire_start.callback();  // now the coroutine has ended, and only waits for `last`
    auto whole = std::move(outer).add_callback([&line] { return std::move(line); }).add_callback([seen = token.copy()] {
        ++*seen;
    });
    fire_outer.callback();
    if (!whole.ready()) fire_last.callback();
    BOOST_TEST(whole.ready());
    BOOST_TEST(*token.copy() == 1);
    fire_last = Promise<>();
}

BOOST_AUTO_TEST_CASE(what_is_attached_to_a_dropped_coroutine_goes_after_its_parameters) {
    std::string order;
    auto [first, promise] = make_deferred<>();
    auto waits = [](NotesItsEnd, Deferred<> until) -> Deferred<> { co_await std::move(until); };
    {
        auto dropped =
            waits(NotesItsEnd(order, "parameter "), std::move(first)).attach(NotesItsEnd(order, "attached "));
    }
    BOOST_TEST(order == "parameter attached ");
}

BOOST_AUTO_TEST_CASE(a_canceller_that_fires_as_it_is_replaced_takes_the_new_one_along) {
    struct FiresAtEnd {
        explicit FiresAtEnd(Promise<>& of) : promise(&of) {}
        FiresAtEnd(FiresAtEnd&& other) noexcept : promise(std::exchange(other.promise, nullptr)) {}
        FiresAtEnd& operator=(FiresAtEnd&&) = delete;
        ~FiresAtEnd() {
            if (promise != nullptr) promise->callback();
        }
        Promise<>* promise;
    };
    Token token;
    {
        auto [deferred, promise] = make_deferred<>();
        Promise<> other;
        promise.on_cancel([fires = FiresAtEnd(promise)] {});
        promise.on_cancel([held = token.copy()] {});
        BOOST_TEST(deferred.ready());
        BOOST_TEST(token.gone());
    }
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(a_local_whose_destructor_throws_after_the_result_fails_the_coroutine_and_the_result_goes) {
    struct ThrowsAtEnd {
        ~ThrowsAtEnd() noexcept(false) { throw std::runtime_error("at the end"); }
    };
    Token token;
    auto run = [](std::shared_ptr<int> value) -> Deferred<std::shared_ptr<int>> {
        const ThrowsAtEnd local;
        co_await succeed();
        co_return std::move(value);
    };
    {
        auto deferred = run(token.copy());
        const auto result = deferred.take();
        BOOST_TEST(!result.has_value());
    }
    BOOST_TEST(token.gone());
}
