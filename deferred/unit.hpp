// The value of a Deferred that has nothing to say: Deferred<> is Deferred<Unit>.
// Not needed in callbacks: those of a Deferred<> may take no argument, and may return void.
#pragma once

namespace plait {

struct Unit {
    friend constexpr bool operator==(Unit, Unit) noexcept { return true; }
};

}  // namespace plait
