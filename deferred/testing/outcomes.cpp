#include "plait/deferred/testing/outcomes.hpp"

namespace plait::testing::inner {

namespace {

UnexpectedOutcome unexpected(const char* asked, const std::string& sentence) {
    return UnexpectedOutcome(std::string(asked) + ": " + sentence);
}

}  // namespace

void throw_no_result(const char* asked) {
    throw unexpected(asked, "the Deferred has no result yet: nothing has fired it, or it waits for another one.");
}

void throw_failed_instead(const char* asked, const Failure& failure) {
    const SourceLocation origin = failure.origin();
    throw unexpected(asked, "the Deferred failed with " + failure.message() + ", at " + origin.file_name() + ':' +
                                std::to_string(origin.line()));
}

void throw_succeeded_instead(const char* asked) {
    throw unexpected(asked, "the Deferred has a value, and a failure was expected.");
}

void throw_has_result() {
    throw unexpected("no_result", "the Deferred has its result already.");
}

void check_says(const char* asked, std::string_view what, std::string_view text) {
    if (what.find(text) != std::string_view::npos) return;
    throw unexpected(asked, "the failure does not say \"" + std::string(text) + "\": " + std::string(what));
}

}  // namespace plait::testing::inner
