// What the Deferred tests share: a net for unhandled failures, and objects whose lives can be counted.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "plait/deferred/unhandled.hpp"

/// Collects what is reported as unhandled while it lives.
class CaughtReports {
public:
    CaughtReports() : previous_(plait::set_unhandled_failure_hook(&note)) { reports().clear(); }
    CaughtReports(const CaughtReports&) = delete;
    CaughtReports& operator=(const CaughtReports&) = delete;
    ~CaughtReports() { plait::set_unhandled_failure_hook(previous_); }

    std::size_t count() const { return reports().size(); }
    const std::string& last() const { return reports().back().message; }
    plait::SourceLocation last_made() const { return reports().back().made; }

private:
    struct Report {
        std::string message;
        plait::SourceLocation made;
    };
    static std::vector<Report>& reports() {
        static std::vector<Report> all;
        return all;
    }
    static void note(const plait::UnhandledFailure& unhandled) {
        reports().push_back({unhandled.failure.message(), unhandled.made});
    }

    plait::UnhandledFailureHook previous_;
};

/// Captured by a callback, tells whether the callback still exists.
class Token {
public:
    std::shared_ptr<int> copy() const { return counter_; }
    bool gone() const { return counter_.use_count() == 1; }

private:
    std::shared_ptr<int> counter_ = std::make_shared<int>(0);
};
