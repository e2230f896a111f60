// DeferredSemaphore: so many at a time, and the others in line. Permit is what one holds meanwhile.
// Not for threads: it orders what one loop does. For one at a time there is deferred/lock.hpp.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "plait/deferred/deferred.hpp"

namespace plait {

namespace detail {
class TokenPool;
}

/// One or more tokens of a DeferredSemaphore, or the hold of a DeferredLock. Move-only.
///
/// Lifetime: destroying or assigning to it gives its tokens back: whoever is next has them, and its callbacks have run,
///           before that returns. It may outlive what it came from; giving back then does nothing.
class [[nodiscard]] Permit {
public:
    /// None.
    Permit() noexcept = default;
    Permit(Permit&& other) noexcept;
    Permit& operator=(Permit&& other) noexcept;
    ~Permit() { release(); }

    /// Gives the tokens back now; does nothing a second time.
    void release() noexcept;

    std::size_t tokens() const noexcept { return tokens_; }
    explicit operator bool() const noexcept { return tokens_ != 0; }

private:
    friend class detail::TokenPool;
    Permit(std::shared_ptr<detail::TokenPool> pool, std::size_t tokens) noexcept;

    std::shared_ptr<detail::TokenPool> pool_;
    std::size_t tokens_ = 0;
};

/// Hands out `limit` tokens.
///
///     DeferredSemaphore at_once(10);
///     auto permit = co_await at_once.acquire();                  // given back at the end of the scope
///     co_await at_once.run([&] { return client.get(path); });    // given back when that has ended
///
/// Order:    first come, first served. One who wants more than there is holds up those behind, so that its turn comes.
///           Tokens that come back during a waiter's callback go on when that has returned: any number in line take
///           constant stack.
/// Cancel:   a waiter that is cancelled or dropped is out of the line; the next one moves up.
/// Lifetime: not movable. Destroying it fails those who wait with Destroyed; Permits that are out stay harmless, and
///           what run() has begun goes on. It may be destroyed from a waiter's callback.
/// Threads:  one.
/// Source:   Twisted's DeferredSemaphore; Permit and several tokens at once are ours.
class DeferredSemaphore {
public:
    /// Fails: throws UsageError for none.
    explicit DeferredSemaphore(std::size_t limit);
    DeferredSemaphore(const DeferredSemaphore&) = delete;
    DeferredSemaphore& operator=(const DeferredSemaphore&) = delete;
    ~DeferredSemaphore();

    /// Fires with `tokens` of them; ready, and without allocating, when they are free and nobody is in line.
    /// Fails: throws UsageError for none, and for more than there are.
    Deferred<Permit> acquire(std::size_t tokens = 1, SourceLocation made = SourceLocation::current());

    /// The same without waiting: an empty Permit when acquire() would have to.
    Permit try_acquire(std::size_t tokens = 1);

    /// Calls `f()` with one token held until what it returns has ended: well or not, cancelled or dropped. Fires with
    /// that. `f` is kept as long, so a coroutine lambda may use its captures.
    template <typename F>
    auto run(F&& f, SourceLocation made = SourceLocation::current());

    std::size_t limit() const noexcept;
    /// Free now.
    std::size_t tokens() const noexcept;
    /// In line.
    std::size_t waiting() const noexcept;

private:
    friend class DeferredLock;
    DeferredSemaphore(std::size_t limit, const char* name);

    std::shared_ptr<detail::TokenPool> pool_;
};

}  // namespace plait

#include "plait/deferred/detail/run_holding.hpp"

namespace plait {

template <typename F>
auto DeferredSemaphore::run(F&& f, SourceLocation made) {
    return detail::run_holding(acquire(1, made), std::forward<F>(f));
}

}  // namespace plait
