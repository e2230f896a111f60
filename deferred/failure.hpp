// What went wrong, and where: an exception that travels through a chain instead of up the stack.
// Not an error code and not a log entry; it is one counted pointer, cheap to copy, within one thread.
#pragma once

#include <exception>
#include <string>
#include <type_traits>
#include <utility>

#include "plait/deferred/source_location.hpp"

namespace plait {

/// Holds an exception and the place where the Failure was made.
///
///     try { parse(text); } catch (...) { promise.errback(Failure::current()); }
///     promise.errback(make_failure(zk::NoNode("/app")));
///     if (auto* gone = failure.check<zk::NoNode>()) use_default(gone->path());
///
/// Lifetime: the exception lives until the last copy dies; pointers from check() and exception() live as long.
/// Threads:  one at a time: copies share a count that is not atomic. The exception_ptr itself may cross threads.
class Failure {
public:
    /// `error` must not be null; a null one becomes an InvalidState saying so.
    explicit Failure(std::exception_ptr error, SourceLocation origin = SourceLocation::current());

    /// The exception being handled. Call it inside a catch block; outside it gives an InvalidState saying so.
    static Failure current(SourceLocation origin = SourceLocation::current());

    Failure(const Failure& other) noexcept : node_(other.node_) { retain(); }
    Failure(Failure&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
    Failure& operator=(Failure other) noexcept {
        std::swap(node_, other.node_);
        return *this;
    }
    ~Failure() { release(); }

    /// The exception if it is an E or derives from it, else null. Throws nothing.
    template <typename E>
    const E* check() const noexcept {
        static_assert(std::is_polymorphic_v<E>, "check<E>() needs an exception class, such as one from std::exception");
        return dynamic_cast<const E*>(exception());
    }

    /// The exception as std::exception, null when it is of another type (`throw 42`).
    const std::exception* exception() const noexcept;

    /// Throws the exception itself, with its own type.
    [[noreturn]] void raise() const;

    /// One line: the type and what().
    std::string message() const;

    std::exception_ptr exception_ptr() const noexcept;
    SourceLocation origin() const noexcept;

private:
    struct Node;
    void retain() const noexcept;
    void release() noexcept;
    Node* node_;
};

/// A Failure holding `error`, without throwing it.
template <typename E>
Failure make_failure(E error, SourceLocation origin = SourceLocation::current()) {
    return Failure(std::make_exception_ptr(std::move(error)), origin);
}

}  // namespace plait
