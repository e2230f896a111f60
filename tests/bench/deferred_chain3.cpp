// deferred.chain3: make a pending one, add three callbacks, fire it, read the result. Beside KJ's promises, which need
// their event loop for it, and beside the least that a chain of three can be: one allocation, three std::function
// calls.
#include <kj/async.h>

#include <functional>
#include <memory>

#include "measure.hpp"
#include "plait/deferred/deferred.hpp"
#include "twisted.hpp"

namespace plait::bench {
namespace {

constexpr int rounds = 41;
constexpr int chains = 20'000;

const auto increment = [](int n) { return n + 1; };

double with_plait() {
    return nanoseconds_each(chains, [](int i) {
        auto [deferred, promise] = make_deferred<int>();
        auto last = std::move(deferred).add_callback(increment).add_callback(increment).add_callback(increment);
        promise.callback(i);
        int result = last.take().value();
        keep(result);
    });
}

double with_kj(kj::WaitScope& scope) {
    return nanoseconds_each(chains, [&](int i) {
        auto both = kj::newPromiseAndFulfiller<int>();
        auto last = both.promise.then(increment).then(increment).then(increment);
        both.fulfiller->fulfill(kj::cp(i));
        int result = last.wait(scope);
        keep(result);
    });
}

struct Floor {
    std::function<int(int)> callbacks[3];
};

double with_floor() {
    return nanoseconds_each(chains, [](int i) {
        auto chain = std::make_unique<Floor>();
        for (auto& callback : chain->callbacks)
            callback = increment;
        keep(*chain);
        int result = i;
        for (auto& callback : chain->callbacks)
            result = callback(result);
        keep(result);
    });
}

}  // namespace
}  // namespace plait::bench

int main() {
    using namespace plait::bench;
    kj::EventLoop loop;
    kj::WaitScope scope(loop);
    const auto medians =
        interleaved(rounds, [] { return with_plait(); }, [&] { return with_kj(scope); }, [] { return with_floor(); });
    print({"deferred.chain3", "ns", medians[0], medians[1], "KJ", 4, true});
    print({"deferred.chain3", "ns", medians[0], medians[2], "floor: std::function", 0.45, true});
    print_beside_twisted("deferred.chain3", medians[0]);
}
