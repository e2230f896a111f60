// deferred.gather_100k: a hundred thousand pending Deferreds made and gathered, each fired, the values read. Beside
// KJ's joinPromises; and beside a tenth as many of ours, which shows that the cost of one does not grow with their
// number.
#include <kj/async.h>

#include <vector>

#include "measure.hpp"
#include "plait/deferred/gather.hpp"
#include "twisted.hpp"

namespace plait::bench {
namespace {

constexpr int rounds = 21;
constexpr int parts = 100'000;

/// Nanoseconds for one of `count` parts.
double with_plait(int count) {
    return nanoseconds_each(1,
                            [&](int) {
                                std::vector<Deferred<int>> deferreds;
                                std::vector<Promise<int>> promises;
                                deferreds.reserve(static_cast<std::size_t>(count));
                                promises.reserve(static_cast<std::size_t>(count));
                                for (int i = 0; i < count; ++i) {
                                    auto [deferred, promise] = make_deferred<int>();
                                    deferreds.push_back(std::move(deferred));
                                    promises.push_back(std::move(promise));
                                }
                                auto whole = gather(std::move(deferreds));
                                for (int i = 0; i < count; ++i)
                                    promises[static_cast<std::size_t>(i)].callback(i);
                                auto values = whole.take().value();
                                keep(values);
                            }) /
           count;
}

double with_kj(int count, kj::WaitScope& scope) {
    return nanoseconds_each(1,
                            [&](int) {
                                auto promises = kj::heapArrayBuilder<kj::Promise<int>>(static_cast<std::size_t>(count));
                                std::vector<kj::Own<kj::PromiseFulfiller<int>>> fulfillers;
                                fulfillers.reserve(static_cast<std::size_t>(count));
                                for (int i = 0; i < count; ++i) {
                                    auto both = kj::newPromiseAndFulfiller<int>();
                                    promises.add(kj::mv(both.promise));
                                    fulfillers.push_back(kj::mv(both.fulfiller));
                                }
                                auto whole = kj::joinPromises(promises.finish());
                                for (int i = 0; i < count; ++i)
                                    fulfillers[static_cast<std::size_t>(i)]->fulfill(kj::cp(i));
                                auto values = whole.wait(scope);
                                keep(values);
                            }) /
           count;
}

}  // namespace
}  // namespace plait::bench

int main() {
    using namespace plait::bench;
    kj::EventLoop loop;
    kj::WaitScope scope(loop);
    const auto medians = interleaved(
        rounds, [] { return with_plait(parts); }, [&] { return with_kj(parts, scope); },
        [] { return with_plait(parts / 10); });
    print({"deferred.gather_100k", "ns/part", medians[0], medians[1], "KJ", 2, true});
    print({"deferred.gather_100k", "ns/part", medians[0], medians[2], "a tenth as many", 0.33, true});
    print_beside_twisted("deferred.gather_100k", medians[0]);
}
