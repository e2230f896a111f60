// What went wrong, where, and by which way it came: an exception that travels through a chain instead of up the stack.
// Not an error code and not a log entry; it is one counted pointer, cheap to copy, within one thread.
#pragma once

#include <cstddef>
#include <exception>
#include <iosfwd>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "plait/deferred/source_location.hpp"

namespace plait {

/// One place on a Failure's way through chains and coroutines.
struct FailurePlace {
    enum class Kind : unsigned char {
        skipped,    ///< a callback, or an errback for another type, that was added there did not run
        handed_on,  ///< an errback that was added there threw it again, or returned it
        awaited,    ///< it was thrown from the co_await there
    };
    SourceLocation where;
    Kind kind = Kind::skipped;
};

/// Holds an exception, the place where the Failure was made, and the places it has passed since.
///
///     try { parse(text); } catch (...) { promise.errback(Failure::current()); }
///     promise.errback(make_failure(zk::NoNode("/app")));
///     if (auto* gone = failure.check<zk::NoNode>()) use_default(gone->path());
///
/// The places are always kept, the first 16 of them and the number of the rest: a chain that does not fail pays
/// nothing, one that does pays a store a step. Copies share the exception; from where they part, each has a way of its
/// own.
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

    /// One line: the type and what(). Also `stream << failure`.
    std::string message() const;

    /// All that is known: message(), where it was made, the places it passed, one a line, and what the exception says
    /// it was caused by (std::throw_with_nested). No line break at the end.
    std::string full_message() const;

    std::exception_ptr exception_ptr() const noexcept;
    SourceLocation origin() const noexcept;

    /// The first places it passed, in order; at most `most_places`. Valid until this Failure changes.
    std::span<const FailurePlace> places() const noexcept;
    /// How many places it has passed in all.
    std::size_t places_passed() const noexcept;
    static constexpr std::size_t most_places = 16;

    /// Adds a place. For code that hands Failures on; chains and coroutines do it themselves.
    void note_passed(SourceLocation where, FailurePlace::Kind kind = FailurePlace::Kind::awaited) noexcept;

    /// The two hold the very same exception object.
    bool same_exception(const Failure& other) const noexcept;

private:
    struct Node;
    void retain() const noexcept;
    void release() noexcept;
    Node* node_;
};

/// message().
std::ostream& operator<<(std::ostream& stream, const Failure& failure);

/// A Failure holding `error`, without throwing it.
template <typename E>
Failure make_failure(E error, SourceLocation origin = SourceLocation::current()) {
    return Failure(std::make_exception_ptr(std::move(error)), origin);
}

}  // namespace plait
