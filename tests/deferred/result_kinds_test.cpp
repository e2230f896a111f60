// Every kind of result through every way there is, with each object counted: none is lost, none is kept.
#define BOOST_TEST_MODULE deferred_result_kinds
#include <array>
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>

#include "plait/deferred/deferred.hpp"
#include "support.hpp"

using namespace plait;

namespace {

int live = 0;

/// Counts itself; movable only.
struct Counted {
    Counted() noexcept { ++live; }
    Counted(Counted&&) noexcept { ++live; }
    Counted& operator=(Counted&&) noexcept = default;
    ~Counted() { --live; }
};

int target = 5;

struct Plain {
    Counted counted;
    int n = 5;
    int value() const { return n; }
};
struct Owned {
    std::unique_ptr<Plain> held = std::make_unique<Plain>();
    int value() const { return held->n; }
};
struct Referring {
    Counted counted;
    std::reference_wrapper<int> where = target;
    int value() const { return where.get(); }
};
struct alignas(64) Wide {
    Counted counted;
    int n = 5;
    int value() const { return reinterpret_cast<std::uintptr_t>(this) % 64 == 0 ? n : -1; }
};
struct Large {
    Counted counted;
    std::array<int, 16 * 1024> numbers{5};
    int value() const { return numbers[0]; }
};
struct ThrowsWhenMoved {
    Counted counted;
    ThrowsWhenMoved() = default;
    ThrowsWhenMoved(ThrowsWhenMoved&& other) noexcept(false) : counted(std::move(other.counted)) {}
    ThrowsWhenMoved& operator=(ThrowsWhenMoved&&) = delete;
    ~ThrowsWhenMoved() = default;
    int value() const { return 5; }
};

using Kinds = boost::mpl::list<Plain, Owned, Referring, Wide, Large, ThrowsWhenMoved>;

template <typename T>
Deferred<T> awaited(Deferred<T> deferred) {
    return std::move(deferred).add_callback([](T value) { return value; });
}

template <typename T>
Deferred<int> value_of(Deferred<T> deferred) {
    auto value = co_await std::move(deferred);
    if constexpr (requires { value->value(); }) {
        co_return value->value();
    } else {
        co_return value.value();
    }
}

/// A pair, counted: at its end nothing of it may live.
struct NothingLeft {
    NothingLeft() { BOOST_TEST(live == 0); }
    NothingLeft(const NothingLeft&) = delete;
    NothingLeft& operator=(const NothingLeft&) = delete;
    ~NothingLeft() { BOOST_TEST(live == 0); }
};

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(goes_through_callbacks_errbacks_and_both_ready_or_not, T, Kinds) {
    const auto chain = [](Deferred<T> d) {
        return std::move(d)
            .add_callback([](T value) { return value; })
            .add_errback([](const Failure&) { return T(); })
            .add_both([](Result<T> result) { return std::move(result).value(); })
            .add_callback([](const T& value) { return value.value(); });
    };
    const NothingLeft counted;
    BOOST_TEST(chain(Deferred<T>::succeed(T())).take().value() == 5);
    auto [deferred, promise] = make_deferred<T>();
    auto last = chain(std::move(deferred));
    promise.callback(T());
    BOOST_TEST(last.take().value() == 5);
    BOOST_TEST(chain(fail<T>(std::runtime_error("x"))).take().value() == 5);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(is_handed_on_by_returned_deferreds_and_chain_deferred, T, Kinds) {
    const NothingLeft counted;
    auto inner = make_deferred<T>();
    auto start = make_deferred();
    auto outer = std::move(start.deferred).add_callback([&] { return std::move(inner.deferred); });
    auto sink = make_deferred<T>();
    chain_deferred(std::move(outer), std::move(sink.promise));
    start.promise.callback();
    inner.promise.callback(T());
    auto result = sink.deferred.take();
    BOOST_TEST(result.value().value() == 5);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(is_awaited_ready_or_not, T, Kinds) {
    const NothingLeft counted;
    BOOST_TEST(value_of(Deferred<T>::succeed(T())).take().value() == 5);
    auto pair = make_deferred<T>();
    auto last = value_of(awaited(std::move(pair.deferred)));
    pair.promise.callback(T());
    BOOST_TEST(last.take().value() == 5);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(is_destroyed_with_a_deferred_that_nobody_read, T, Kinds) {
    const NothingLeft counted;
    {
        const auto ready = Deferred<T>::succeed(T());
        auto pair = make_deferred<T>();
        auto last = std::move(pair.deferred).add_callback([](T value) { return value; });
        pair.promise.callback(T());
        BOOST_TEST(live == 2);
    }
    {
        auto pair = make_deferred<T>();
        Pause pause = pair.deferred.pause();
        auto last = std::move(pair.deferred).add_callback([held = T()](T value) { return value; });
        pair.promise.callback(T());
    }
    {
        auto pair = make_deferred<T>();
        auto dropped = std::move(pair.deferred).add_callback([held = T()](T value) { return value; });
        dropped = Deferred<T>();
        pair.promise.callback(T());  // late
    }
}

BOOST_AUTO_TEST_CASE(a_deferred_of_nothing_goes_the_same_ways) {
    int ran = 0;
    auto inner = make_deferred();
    auto start = make_deferred();
    auto body = [](Deferred<> d) -> Deferred<> { co_await std::move(d); };
    auto last = body(std::move(start.deferred).add_callback([&] {
                    return std::move(inner.deferred);
                })).add_callback([&] { ++ran; });
    start.promise.callback();
    inner.promise.callback();
    BOOST_TEST(last.take().has_value());
    BOOST_TEST(ran == 1);
}
