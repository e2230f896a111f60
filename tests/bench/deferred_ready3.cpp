// deferred.ready3: three callbacks on a Deferred that has its result, and reading what comes out. Beside KJ, whose
// callbacks wait for the event loop even then.
#include <kj/async.h>

#include "measure.hpp"
#include "plait/deferred/deferred.hpp"
#include "twisted.hpp"

namespace plait::bench {
namespace {

constexpr int rounds = 41;

const auto increment = [](int n) { return n + 1; };

double with_plait() {
    return nanoseconds_each(200'000, [](int i) {
        keep(i);
        int result =
            succeed(int(i)).add_callback(increment).add_callback(increment).add_callback(increment).take().value();
        keep(result);
    });
}

double with_kj(kj::WaitScope& scope) {
    return nanoseconds_each(20'000, [&](int i) {
        keep(i);
        int result = kj::Promise<int>(i).then(increment).then(increment).then(increment).wait(scope);
        keep(result);
    });
}

}  // namespace
}  // namespace plait::bench

int main() {
    using namespace plait::bench;
    kj::EventLoop loop;
    kj::WaitScope scope(loop);
    const auto medians = interleaved(rounds, [] { return with_plait(); }, [&] { return with_kj(scope); });
    print({"deferred.ready3", "ns", medians[0], medians[1], "KJ", 10, true});
    print_beside_twisted("deferred.ready3", medians[0]);
}
