#define BOOST_TEST_MODULE deferred_attach
#include <boost/test/unit_test.hpp>
#include <memory>
#include <stdexcept>
#include <string>

#include "plait/deferred/attach.hpp"
#include "support.hpp"

using namespace plait;

BOOST_AUTO_TEST_CASE(an_attached_object_lives_until_the_result_is_here_and_goes_before_the_next_callback) {
    std::string order;
    auto [deferred, promise] = make_deferred<int>();
    auto last = std::move(deferred)
                    .add_callback([&](int n) {
                        order += "before ";
                        return n;
                    })
                    .attach(NotesItsEnd(order, "gone "))
                    .add_callback([&](int) { order += "after"; });
    BOOST_TEST(order == "");
    promise.callback(1);
    BOOST_TEST(order == "before gone after");
}

BOOST_AUTO_TEST_CASE(a_failure_ends_it_as_well_and_passes) {
    Token token;
    auto [deferred, promise] = make_deferred<int>();
    auto last = std::move(deferred).attach(token.copy());
    promise.errback(std::runtime_error("x"));
    BOOST_TEST(token.gone());
    BOOST_TEST(last.take().failure().message() == "std::runtime_error: x");
}

BOOST_AUTO_TEST_CASE(it_outlives_what_a_callback_before_it_returned) {
    Token token;
    auto [inner, inner_promise] = make_deferred<int>();
    auto [deferred, promise] = make_deferred<int>();
    auto last = std::move(deferred).add_callback([&](int) { return std::move(inner); }).attach(token.copy());
    promise.callback(1);
    BOOST_TEST(!token.gone());
    inner_promise.callback(2);
    BOOST_TEST(token.gone());
    BOOST_TEST(last.take().value() == 2);
}

BOOST_AUTO_TEST_CASE(a_ready_deferred_lets_it_go_at_once) {
    Token token;
    auto ready = succeed(1).attach(token.copy());
    BOOST_TEST(token.gone());
    BOOST_TEST(ready.take().value() == 1);

    auto [deferred, promise] = make_deferred<int>();
    promise.callback(2);
    auto fired = std::move(deferred).attach(token.copy());
    BOOST_TEST(token.gone());
    BOOST_TEST(fired.take().value() == 2);
}

BOOST_AUTO_TEST_CASE(dropping_destroys_it_though_the_promise_lives_on) {
    Token token;
    auto [deferred, promise] = make_deferred<int>();
    {
        auto dropped = std::move(deferred).attach(token.copy());
    }
    BOOST_TEST(token.gone());
    promise.callback(1);
}

BOOST_AUTO_TEST_CASE(when_dropped_it_goes_after_the_canceller_was_asked) {
    std::string order;
    auto [deferred, promise] = make_deferred<int>([&] { order += "canceller "; });
    {
        auto dropped = std::move(deferred).attach(NotesItsEnd(order, "object"));
    }
    BOOST_TEST(order == "canceller object");
}

BOOST_AUTO_TEST_CASE(when_dropped_it_goes_after_the_locals_of_the_coroutine) {
    std::string order;
    auto [gate, promise] = make_deferred<>();
    auto body = [](std::string& said, Deferred<> opened) -> Deferred<> {
        NotesItsEnd local(said, "local ");
        co_await std::move(opened);
    };
    {
        auto running = body(order, std::move(gate)).attach(NotesItsEnd(order, "object"));
    }
    BOOST_TEST(order == "local object");
}

BOOST_AUTO_TEST_CASE(when_a_coroutine_ends_it_goes_before_the_next_callback) {
    std::string order;
    auto [gate, promise] = make_deferred<>();
    auto body = [](std::string& said, Deferred<> opened) -> Deferred<> {
        NotesItsEnd local(said, "local ");
        co_await std::move(opened);
    };
    auto running =
        body(order, std::move(gate)).attach(NotesItsEnd(order, "object ")).add_callback([&] { order += "next"; });
    promise.callback();
    BOOST_TEST(order == "local object next");
}

BOOST_AUTO_TEST_CASE(cancel_goes_through_and_ends_it) {
    Token token;
    auto [deferred, promise] = make_deferred<int>();
    auto last = std::move(deferred).attach(token.copy());
    last.cancel();
    BOOST_TEST(token.gone());
    BOOST_TEST(last.take().failure().check<Cancelled>() != nullptr);
}

BOOST_AUTO_TEST_CASE(several_objects_and_copies_of_lvalues) {
    Token token;
    const auto kept = token.copy();
    auto [deferred, promise] = make_deferred<int>();
    auto last = std::move(deferred).attach(kept, token.copy(), std::string("text"));
    BOOST_TEST(kept.use_count() == 4);
    promise.callback(1);
    BOOST_TEST(kept.use_count() == 2);
}

BOOST_AUTO_TEST_CASE(its_destructor_may_drop_the_deferred) {
    struct Dropper {
        Deferred<>* deferred;
        explicit Dropper(Deferred<>& d) : deferred(&d) {}
        Dropper(Dropper&& other) noexcept : deferred(std::exchange(other.deferred, nullptr)) {}
        Dropper& operator=(Dropper&&) = delete;
        ~Dropper() {
            if (deferred != nullptr) *deferred = Deferred<>();
        }
    };
    Deferred<> last;
    auto [made, promise] = make_deferred<int>();
    last = std::move(made).attach(Dropper(last)).add_callback([](int) { BOOST_ERROR("dropped before"); });
    promise.callback(1);
    BOOST_TEST(!last.valid());
}

BOOST_AUTO_TEST_CASE(a_callback_before_it_may_drop_the_whole) {
    Token token;
    Deferred<> last;
    auto [made, promise] = make_deferred<int>();
    last = std::move(made)
               .add_callback([&](int) {
                   last = Deferred<>();
                   BOOST_TEST(!token.gone());
               })
               .attach(token.copy());
    promise.callback(1);
    BOOST_TEST(token.gone());
}

BOOST_AUTO_TEST_CASE(an_empty_deferred_throws_and_keeps_nothing) {
    Token token;
    Deferred<int> empty;
    BOOST_CHECK_THROW(std::ignore = std::move(empty).attach(token.copy()), InvalidState);
    BOOST_TEST(token.gone());
}
