// What the Deferred tests share: the kit's net for unhandled failures, and objects whose lives can be counted.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "plait/deferred/testing/caught_reports.hpp"

using plait::testing::CaughtReports;

/// Captured by a callback, tells whether the callback still exists.
class Token {
public:
    std::shared_ptr<int> copy() const { return counter_; }
    bool gone() const { return counter_.use_count() == 1; }

private:
    std::shared_ptr<int> counter_ = std::make_shared<int>(0);
};

/// Adds its name to `order` when it is destroyed.
class NotesItsEnd {
public:
    NotesItsEnd(std::string& order, const char* name) : order_(&order), name_(name) {}
    NotesItsEnd(NotesItsEnd&& other) noexcept : order_(std::exchange(other.order_, nullptr)), name_(other.name_) {}
    NotesItsEnd& operator=(NotesItsEnd&&) = delete;
    ~NotesItsEnd() {
        if (order_ != nullptr) *order_ += name_;
    }

private:
    std::string* order_;
    const char* name_;
};
