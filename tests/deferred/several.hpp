// What the tests of gather(), deferred_list() and race() share: Deferreds with their Promises, counted.
#pragma once

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <vector>

#include "plait/deferred/deferred.hpp"

/// `count` waiting Deferreds, to be moved out of `deferreds`, and the Promises that fire them.
template <typename T = int>
struct Parts {
    int cancelled = 0;
    std::vector<plait::Promise<T>> promises;
    std::vector<plait::Deferred<T>> deferreds;

    explicit Parts(int count) {
        for (int i = 0; i < count; ++i) {
            auto [deferred, promise] = plait::make_deferred<T>([this] { ++cancelled; });
            deferreds.push_back(std::move(deferred));
            promises.push_back(std::move(promise));
        }
    }
    Parts(const Parts&) = delete;
    Parts& operator=(const Parts&) = delete;
    ~Parts() = default;

    auto& operator[](std::size_t index) { return promises[index]; }
};

/// A canceller of one part fires another: drops must not use what is half gone.
template <typename Make>
void drop_where_one_canceller_fires_another(Make make_whole) {
    std::vector<plait::Promise<int>> promises(3);
    std::vector<plait::Deferred<int>> deferreds;
    for (std::size_t i = 0; i < 3; ++i) {
        auto [deferred, promise] = plait::make_deferred<int>([&promises, i] {
            if (i == 0) promises[2].callback(2);
            if (i == 1) promises[0].callback(0);
        });
        deferreds.push_back(std::move(deferred));
        promises[i] = std::move(promise);
    }
    static_cast<void>(make_whole(std::move(deferreds)));
}

/// Results whose move constructor throws, once, at the move that `moves_left` counts down to.
struct Heavy {
    static inline int moves_left = -1;

    Heavy() = default;
    Heavy(Heavy&&) {
        if (moves_left-- == 0) throw std::runtime_error("too heavy");
    }
    Heavy& operator=(Heavy&&) = default;
    ~Heavy() = default;
};

/// Whichever move of a result throws on its way through `make_whole(deferreds)`, the whole ends.
template <typename Make>
void end_whichever_move_throws(Make make_whole) {
    for (int moves = 0; moves < 12; ++moves) {
        Parts<Heavy> parts(2);
        auto whole = make_whole(std::move(parts.deferreds));
        for (auto& promise : parts.promises) {
            if (!promise.wanted()) continue;
            Heavy heavy;
            Heavy::moves_left = moves + 2;  // the first two are callback()'s own
            promise.callback(std::move(heavy));
        }
        Heavy::moves_left = -1;
        BOOST_TEST(whole.ready());
        std::ignore = std::move(whole).add_both([](auto) {});
    }
}
