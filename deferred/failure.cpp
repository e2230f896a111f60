#include "plait/deferred/failure.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <ostream>
#include <string_view>
#include <typeinfo>

#include "plait/deferred/detail/slot.hpp"
#include "plait/deferred/detail/trace_hooks.hpp"
#include "plait/deferred/errors.hpp"
#include "plait/deferred/type_name.hpp"

namespace plait {

// The std::exception inside is looked for once, on first need: it takes a throw, and most Failures are never asked.
struct Failure::Node {
    std::exception_ptr error;
    SourceLocation origin;
    const std::exception* standard = nullptr;
    const std::type_info* type = nullptr;
    std::uint32_t references = 1;
    std::uint32_t passed = 0;
    bool resolved = false;
    union {
        FailurePlace places[most_places];  // as many as were passed; the rest is not even cleared
    };

    Node(std::exception_ptr held, SourceLocation made) noexcept : error(std::move(held)), origin(made) {}
    /// With the way so far, for a copy that goes on by itself.
    Node(const Node& other) noexcept
        : error(other.error),
          origin(other.origin),
          standard(other.standard),
          type(other.type),
          passed(other.passed),
          resolved(other.resolved) {
        std::uninitialized_copy_n(other.places, other.kept(), places);
    }
    Node& operator=(const Node&) = delete;
    ~Node() = default;

    std::size_t kept() const noexcept { return std::min<std::size_t>(passed, most_places); }

    void resolve() noexcept {
        if (resolved) return;
        resolved = true;
        try {
            std::rethrow_exception(error);
        } catch (const std::exception& exception) {
            standard = &exception;  // shared with `error`, not a copy
            type = &typeid(exception);
        } catch (...) {
            type = abi::__cxa_current_exception_type();
        }
    }
};

namespace {

void append_place(std::string& text, const char* what, const SourceLocation& where) {
    text.append("\n  ").append(what).append(" ").append(detail::describe_place(where));
}

const char* describe_kind(FailurePlace::Kind kind) {
    switch (kind) {
        case FailurePlace::Kind::skipped:
            return "skipped what was added at";
        case FailurePlace::Kind::handed_on:
            return "handed on by the errback added at";
        case FailurePlace::Kind::awaited:
            return "thrown from the co_await at";
    }
    return "passed";
}

/// What an exception made by std::throw_with_nested carries; null for others.
std::exception_ptr cause_of(const std::exception_ptr& error) noexcept {
    try {
        std::rethrow_exception(error);
    } catch (const std::nested_exception& nested) {
        return nested.nested_ptr();
    } catch (...) {
        return nullptr;
    }
}

constexpr int most_causes = 16;

}  // namespace

Failure::Failure(std::exception_ptr error, SourceLocation origin) : node_(new Node(std::move(error), origin)) {
    if (!node_->error) {
        node_->error = std::make_exception_ptr(InvalidState("A Failure was made from a null exception_ptr."));
    }
}

Failure Failure::current(SourceLocation origin) {
    auto error = std::current_exception();
    if (!error) {
        error = std::make_exception_ptr(
            InvalidState("Failure::current() was called outside a catch block: there is no exception to take."));
    }
    return Failure(std::move(error), origin);
}

const std::exception* Failure::exception() const noexcept {
    if (node_ == nullptr) return nullptr;
    node_->resolve();
    return node_->standard;
}

void Failure::raise() const {
    if (node_ == nullptr) throw InvalidState("A moved-from Failure was raised.");
    std::rethrow_exception(node_->error);
}

std::string Failure::message() const {
    if (node_ == nullptr) return "moved-from Failure";
    node_->resolve();
    std::string text = node_->type != nullptr ? readable_name(*node_->type) : "unknown exception";
    if (node_->standard != nullptr) text.append(": ").append(node_->standard->what());
    return text;
}

std::string Failure::full_message() const {
    std::string text = message();
    if (node_ == nullptr) return text;
    append_place(text, "made at", node_->origin);
    for (const FailurePlace& place : places())
        append_place(text, describe_kind(place.kind), place.where);
    if (node_->passed > most_places) {
        text.append("\n  and passed ").append(std::to_string(node_->passed - most_places)).append(" places more");
    }
    std::exception_ptr cause = cause_of(node_->error);
    for (int depth = 0; cause != nullptr; ++depth, cause = cause_of(cause)) {
        if (depth == most_causes) return text.append("\n  and more causes");
        text.append("\n  caused by ").append(Failure(cause).message());
    }
    return text;
}

std::span<const FailurePlace> Failure::places() const noexcept {
    if (node_ == nullptr) return {};
    return {node_->places, node_->kept()};
}

std::size_t Failure::places_passed() const noexcept {
    return node_ != nullptr ? node_->passed : 0;
}

void Failure::note_passed(SourceLocation where, FailurePlace::Kind kind) noexcept {
    if (node_ == nullptr) return;
    if (node_->references > 1) {
        Node* own = new (std::nothrow) Node(*node_);
        if (own == nullptr) return;  // no memory for one's own way: the shared one stays as it is
        release();
        node_ = own;
    }
    if (node_->passed < most_places)
        ::new (static_cast<void*>(node_->places + node_->passed)) FailurePlace{where, kind};
    if (node_->passed < UINT32_MAX) ++node_->passed;
}

bool Failure::same_exception(const Failure& other) const noexcept {
    return node_ == other.node_ || (node_ != nullptr && other.node_ != nullptr && node_->error == other.node_->error);
}

std::ostream& operator<<(std::ostream& stream, const Failure& failure) {
    return stream << failure.message();
}

std::exception_ptr Failure::exception_ptr() const noexcept {
    return node_ != nullptr ? node_->error : nullptr;
}

SourceLocation Failure::origin() const noexcept {
    return node_ != nullptr ? node_->origin : SourceLocation();
}

void Failure::retain() const noexcept {
    if (node_ != nullptr) ++node_->references;
}

void Failure::release() noexcept {
    if (node_ != nullptr && --node_->references == 0) delete node_;
}

}  // namespace plait
