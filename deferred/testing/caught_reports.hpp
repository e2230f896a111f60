// CaughtReports: takes what is reported as unhandled, for tests that expect it or that must not leave any.
// Not bound to a test framework; boost_test.hpp, beside this, makes Boost.Test fail a test that leaves a report.
#pragma once

#include <cstddef>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "plait/deferred/unhandled.hpp"

namespace plait::testing {

/// An outcome that a test did not expect; what() is a sentence to show.
class UnexpectedOutcome : public std::logic_error {
public:
    using std::logic_error::logic_error;
    ~UnexpectedOutcome() override;
};

/// Catches every report made while it lives, in any thread, instead of the hook that was there.
///
///     CaughtReports reports;
///     drop(something_failed());
///     reports.expect(1);
///
/// Lifetime: of several, the last made catches; they end in the reverse order. Destroying it puts the hook of before
///           back, and forgets what it caught: ask first.
/// Threads:  any, except making and destroying.
class CaughtReports {
public:
    struct Report {
        std::string message;  ///< Failure::message()
        SourceLocation made;  ///< where the Deferred was made, or the Failure of a ready one
        /// "file.cpp:12: std::runtime_error: lost", the former being where it was made.
        std::string line() const;
    };

    CaughtReports();
    CaughtReports(const CaughtReports&) = delete;
    CaughtReports& operator=(const CaughtReports&) = delete;
    ~CaughtReports();

    std::size_t count() const;

    /// What has been caught, which is forgotten here.
    std::vector<Report> take();

    /// The message, and the place, of the last one. Throws UnexpectedOutcome when there is none.
    std::string last() const { return last_report().message; }
    SourceLocation last_made() const { return last_report().made; }

    /// Throws UnexpectedOutcome, naming each, unless `count` have been caught; forgets them.
    void expect(std::size_t count);

private:
    static void note(const UnhandledFailure& unhandled);
    Report last_report() const;

    mutable std::mutex mutex_;
    std::vector<Report> reports_;
    CaughtReports* outer_;
    UnhandledFailureHook previous_;
};

}  // namespace plait::testing
