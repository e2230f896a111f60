// Steps that leave a trace, and how a Deferred<> of theirs ended: for the tests of Cooperator.
// Not for other tests: testing/outcomes.hpp says more when it goes wrong.
#pragma once

#include <boost/test/unit_test.hpp>
#include <string>
#include <utility>

#include "plait/deferred/cooperator.hpp"

namespace plait::testing {

/// Appends its name, so many times.
inline auto writes(std::string& to, char name, int times) {
    return [&to, name, left = times]() mutable {
        to += name;
        return --left > 0 ? TaskStep::more : TaskStep::done;
    };
}

template <typename E>
void expect_failure(Deferred<> deferred) {
    BOOST_REQUIRE(deferred.ready());
    BOOST_CHECK_THROW(deferred.take().value(), E);
}

inline bool fired(Deferred<> deferred) {
    return deferred.ready() && deferred.take().has_value();
}

}  // namespace plait::testing
