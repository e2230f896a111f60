// DeferredLock: one at a time, and the others in line.
// Not a mutex: no thread waits, and only what one loop does is ordered. Several at a time: deferred/semaphore.hpp.
#pragma once

#include <cstddef>
#include <utility>

#include "plait/deferred/semaphore.hpp"

namespace plait {

/// Held by one at a time.
///
///     auto hold = co_await lock.acquire();                       // given back at the end of the scope
///     co_await lock.run([&] { return session.reopen(); });       // given back when that has ended
///
/// Order, Cancel, Lifetime, Threads: as DeferredSemaphore, of which it is one with a single token. Whoever holds it and
///           waits for it again waits for itself: it does not count.
/// Source:   Twisted's DeferredLock, where release() is a call to forget; here the Hold's destructor does it.
class DeferredLock {
public:
    /// What the holder has: see Permit. `hold.release()` or its end lets the next one in.
    using Hold = Permit;

    DeferredLock() : one_(1, "DeferredLock") {}

    /// Ready, and without allocating, when it is free.
    Deferred<Hold> acquire(SourceLocation made = SourceLocation::current()) { return one_.acquire(1, made); }

    /// An empty Hold when acquire() would have to wait.
    Hold try_acquire() { return one_.try_acquire(); }

    /// Calls `f()` with the lock held until what it returns has ended: well or not, cancelled or dropped. Fires with
    /// that. `f` is kept as long, so a coroutine lambda may use its captures.
    template <typename F>
    auto run(F&& f, SourceLocation made = SourceLocation::current()) {
        return one_.run(std::forward<F>(f), made);
    }

    bool locked() const noexcept { return one_.tokens() == 0; }
    /// In line.
    std::size_t waiting() const noexcept { return one_.waiting(); }

private:
    DeferredSemaphore one_;
};

}  // namespace plait
