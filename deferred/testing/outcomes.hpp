// What a Deferred ended in, for tests: success_of(d), failure_of<E>(d), no_result(d).
// They do not wait: advance a clock or fire a Promise first. Not bound to a test framework: what is wrong is thrown.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/testing/caught_reports.hpp"

namespace plait::testing {

namespace inner {
[[noreturn]] void throw_no_result(const char* asked);
[[noreturn]] void throw_failed_instead(const char* asked, const Failure& failure);
[[noreturn]] void throw_succeeded_instead(const char* asked);
[[noreturn]] void throw_has_result();
/// Throws unless `what` has `text` in it.
void check_says(const char* asked, std::string_view what, std::string_view text);

template <typename T>
Result<T> outcome(const char* asked, Deferred<T>& deferred) {
    if (deferred.valid() && !deferred.ready()) throw_no_result(asked);
    return deferred.take();
}
}  // namespace inner

/// The value that `deferred` has. Takes it, so that the Deferred is empty afterwards.
/// Fails: throws UnexpectedOutcome when it has none yet, or has failed; then with the failure's message.
/// Source: successResultOf of Twisted's trial.
template <typename T>
T success_of(Deferred<T>& deferred) {
    Result<T> result = inner::outcome("success_of", deferred);
    if (!result.has_value()) inner::throw_failed_instead("success_of", result.failure());
    return std::move(result).value();
}
template <typename T>
T success_of(Deferred<T>&& deferred) {
    return success_of(deferred);
}

/// The Failure that `deferred` has. Takes it, so that it is not reported as unhandled.
/// Fails: throws UnexpectedOutcome when there is no result yet, or it is a value.
/// Source: failureResultOf.
template <typename T>
Failure failure_of(Deferred<T>& deferred) {
    Result<T> result = inner::outcome("failure_of", deferred);
    if (result.has_value()) inner::throw_succeeded_instead("failure_of");
    return result.failure();
}
template <typename T>
Failure failure_of(Deferred<T>&& deferred) {
    return failure_of(deferred);
}

/// A copy of its exception, which must be an E: `failure_of<zk::NoNode>(d).path()`; and whose what() has `text` in it:
/// `failure_of<ConnectError>(d, "zk1:2181")`.
template <typename E, typename T>
E failure_of(Deferred<T>& deferred, std::string_view text = {}) {
    const Failure failure = failure_of(deferred);
    const E* error = failure.check<E>();
    if (error == nullptr) inner::throw_failed_instead("failure_of", failure);
    inner::check_says("failure_of", error->what(), text);
    return *error;
}
template <typename E, typename T>
E failure_of(Deferred<T>&& deferred, std::string_view text = {}) {
    return failure_of<E>(deferred, text);
}

/// Throws UnexpectedOutcome if `deferred` has its result. Source: assertNoResult.
template <typename T>
void no_result(const Deferred<T>& deferred) {
    if (deferred.ready()) inner::throw_has_result();
}

}  // namespace plait::testing
