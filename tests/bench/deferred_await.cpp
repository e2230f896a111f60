// deferred.await_ready: one co_await of a ready Deferred, in a coroutine that does many. deferred.await_pending: a
// coroutine that is started, waits for a pending Deferred, is resumed by its Promise and gives its result. Debian's KJ
// has no coroutines; beside it stands the same with then().
#include <kj/async.h>

#include "measure.hpp"
#include "plait/deferred/deferred.hpp"

namespace plait::bench {
namespace {

constexpr int rounds = 41;
constexpr int awaits = 200'000;
constexpr int coroutines = 20'000;

Deferred<int> sum_of_ready() {
    int sum = 0;
    for (int i = 0; i < awaits; ++i)
        sum += co_await succeed(int(i));
    co_return sum;
}

double ready_plait() {
    return nanoseconds_each(1,
                            [](int) {
                                int result = sum_of_ready().take().value();
                                keep(result);
                            }) /
           awaits;
}

double ready_kj(kj::WaitScope& scope) {
    int sum = 0;
    return nanoseconds_each(coroutines, [&](int i) {
        kj::Promise<int>(i).then([&sum](int n) { sum += n; }).wait(scope);
        keep(sum);
    });
}

Deferred<int> wait_for(Deferred<int> deferred) {
    const int got = co_await std::move(deferred);
    co_return got + 1;
}

double pending_plait() {
    return nanoseconds_each(coroutines, [](int i) {
        auto [deferred, promise] = make_deferred<int>();
        auto last = wait_for(std::move(deferred));
        promise.callback(i);
        int result = last.take().value();
        keep(result);
    });
}

double pending_kj(kj::WaitScope& scope) {
    return nanoseconds_each(coroutines, [&](int i) {
        auto both = kj::newPromiseAndFulfiller<int>();
        auto last = both.promise.then([](int got) { return got + 1; });
        both.fulfiller->fulfill(kj::cp(i));
        int result = last.wait(scope);
        keep(result);
    });
}

}  // namespace
}  // namespace plait::bench

int main() {
    using namespace plait::bench;
    kj::EventLoop loop;
    kj::WaitScope scope(loop);
    const auto medians = interleaved(
        rounds, [] { return ready_plait(); }, [&] { return ready_kj(scope); }, [] { return pending_plait(); },
        [&] { return pending_kj(scope); });
    print({"deferred.await_ready", "ns", medians[0], medians[1], "KJ, then()", 0, true});
    print({"deferred.await_pending", "ns", medians[2], medians[3], "KJ, then()", 0, true});
}
