// Makes Boost.Test fail a test case that leaves something on its reactor. For users of Boost.Test, and included by no
// other header; with another framework, call expect_clean() at the end of each test.
// Unhandled failures are seen to by plait/deferred/testing/boost_test.hpp.
#pragma once

#include <boost/test/unit_test.hpp>
#include <string>

#include "plait/reactor/testing/clean_reactor.hpp"
#include "plait/reactor/testing/waiting.hpp"

namespace plait::testing {

/// A fixture with a reactor:
///
///     BOOST_FIXTURE_TEST_CASE(a_name_is_found, CleanReactor) {
///         const auto found = await(names.look_up("host"));
///     }                                           // fails if a timer, a connection or a port is left here
///
/// What the test made with `reactor` must be gone at its end: keep it in the test. A derived fixture that keeps some
/// has a teardown() of its own, which lets go of it and calls this one.
struct CleanReactor {
    Reactor reactor;
    Duration patience_at_end{};  ///< see left_on()

    template <typename T>
    T await(Deferred<T> deferred, Duration limit = default_patience) {
        return await_in(reactor, std::move(deferred), limit);
    }

    void teardown() {
        for (const std::string& thing : left_on(reactor, patience_at_end))
            BOOST_ERROR("left on the reactor: " + thing);
    }
};

/// The same without sockets: fails a case that leaves a connection in memory, an attempt at one, or a timed call.
struct CleanMemoryReactor : MemoryReactor {
    void teardown() {
        for (const std::string& thing : left_on(*this))
            BOOST_ERROR("left on the reactor: " + thing);
    }
};

}  // namespace plait::testing
