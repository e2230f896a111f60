#include "plait/deferred/testing/caught_reports.hpp"

#include <utility>

namespace plait::testing {

namespace {

// The one that catches. Held while it is used, so that it does not go meanwhile.
std::mutex innermost_mutex;
CaughtReports* innermost = nullptr;

}  // namespace

UnexpectedOutcome::~UnexpectedOutcome() = default;

std::string CaughtReports::Report::line() const {
    return std::string(made.file_name()) + ':' + std::to_string(made.line()) + ": " + message;
}

CaughtReports::CaughtReports() {
    const std::lock_guard lock(innermost_mutex);
    outer_ = std::exchange(innermost, this);
    previous_ = set_unhandled_failure_hook(&note);
}

CaughtReports::~CaughtReports() {
    const std::lock_guard lock(innermost_mutex);
    set_unhandled_failure_hook(previous_);
    innermost = outer_;
}

void CaughtReports::note(const UnhandledFailure& unhandled) {
    Report report{unhandled.failure.message(), unhandled.made};
    const std::lock_guard lock(innermost_mutex);
    if (innermost == nullptr) return;  // it has just gone
    const std::lock_guard reports_lock(innermost->mutex_);
    innermost->reports_.push_back(std::move(report));
}

std::size_t CaughtReports::count() const {
    const std::lock_guard lock(mutex_);
    return reports_.size();
}

std::vector<CaughtReports::Report> CaughtReports::take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(reports_, {});
}

CaughtReports::Report CaughtReports::last_report() const {
    const std::lock_guard lock(mutex_);
    if (reports_.empty()) throw UnexpectedOutcome("No unhandled failure was reported, and the last one was asked for.");
    return reports_.back();
}

void CaughtReports::expect(std::size_t count) {
    const std::vector<Report> caught = take();
    if (caught.size() == count) return;
    std::string sentence = std::to_string(count) + " unhandled failure(s) were expected, and " +
                           std::to_string(caught.size()) + " were reported:";
    for (const Report& report : caught)
        sentence += "\n    " + report.line();
    throw UnexpectedOutcome(sentence);
}

}  // namespace plait::testing
