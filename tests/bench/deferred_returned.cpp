// deferred.returned_1m: a million Deferreds, each with a callback that returns the one before it. All of them are
// pending at once; then each is fired, the last made first, so that the whole waits through a million links when the
// first one fires at last. deferred.returned_as_made_1m: the same, but each is fired as soon as it is made. Counted is
// the time for a link, with making and destroying it; and the memory: at its peak, and what is left.
#include <kj/async.h>
#include <kj/vector.h>
#include <malloc.h>

#include <cstdio>
#include <vector>

#include "measure.hpp"
#include "plait/deferred/deferred.hpp"

namespace plait::bench {
namespace {

constexpr int rounds = 5;
constexpr int links = 1'000'000;

/// Bytes in use: malloc's own count, its headers included.
double memory_in_use() {
    const auto info = ::mallinfo2();
    return static_cast<double>(info.uordblks) + static_cast<double>(info.hblkhd);
}

struct Memory {
    double peak = 0;
    double left = 0;
};

/// Nanoseconds a link took in `body`, which tells its memory's peak by calling what it is given.
template <typename Body>
double measure(Memory& memory, Body&& body) {
    const double before = memory_in_use();
    const double spent =
        nanoseconds_each(1, [&](int) { body([&] { memory.peak = (memory_in_use() - before) / links; }); });
    memory.left = memory_in_use() - before;
    return spent / links;
}

double plait_pending(Memory& memory) {
    return measure(memory, [](auto at_peak) {
        std::vector<Promise<int>> promises;
        promises.reserve(links);
        auto [innermost, first] = make_deferred<int>();
        Deferred<int> last = std::move(innermost);
        for (int i = 0; i < links; ++i) {
            auto [outer, promise] = make_deferred<int>();
            last = std::move(outer).add_callback([inner = std::move(last)](int) mutable { return std::move(inner); });
            promises.push_back(std::move(promise));
        }
        at_peak();
        while (!promises.empty()) {
            promises.back().callback(0);
            promises.pop_back();
        }
        first.callback(1);
        int result = last.take().value();
        keep(result);
    });
}

double kj_pending(Memory& memory, kj::WaitScope& scope) {
    return measure(memory, [&](auto at_peak) {
        std::vector<kj::Own<kj::PromiseFulfiller<int>>> fulfillers;
        fulfillers.reserve(links);
        auto innermost = kj::newPromiseAndFulfiller<int>();
        kj::Promise<int> last = kj::mv(innermost.promise);
        for (int i = 0; i < links; ++i) {
            auto outer = kj::newPromiseAndFulfiller<int>();
            last = outer.promise.then([inner = kj::mv(last)](int) mutable { return kj::mv(inner); });
            fulfillers.push_back(kj::mv(outer.fulfiller));
        }
        at_peak();
        while (!fulfillers.empty()) {
            fulfillers.back()->fulfill(0);
            fulfillers.pop_back();
        }
        innermost.fulfiller->fulfill(1);
        int result = last.wait(scope);
        keep(result);
    });
}

double plait_as_made(Memory& memory) {
    return measure(memory, [](auto at_peak) {
        auto [innermost, first] = make_deferred<int>();
        Deferred<int> last = std::move(innermost);
        for (int i = 0; i < links; ++i) {
            auto [outer, promise] = make_deferred<int>();
            last = std::move(outer).add_callback([inner = std::move(last)](int) mutable { return std::move(inner); });
            promise.callback(0);
        }
        at_peak();
        first.callback(1);
        int result = last.take().value();
        keep(result);
    });
}

double kj_as_made(Memory& memory, kj::WaitScope& scope) {
    return measure(memory, [&](auto at_peak) {
        auto innermost = kj::newPromiseAndFulfiller<int>();
        kj::Promise<int> last = kj::mv(innermost.promise);
        for (int i = 0; i < links; ++i) {
            auto outer = kj::newPromiseAndFulfiller<int>();
            last = outer.promise.then([inner = kj::mv(last)](int) mutable { return kj::mv(inner); });
            outer.fulfiller->fulfill(0);
        }
        at_peak();
        innermost.fulfiller->fulfill(1);
        int result = last.wait(scope);
        keep(result);
    });
}

void print_memory(const char* who, const Memory& memory) {
    std::fprintf(stderr, "%-22s %6.1f bytes a link at the peak, %.0f bytes left\n", who, memory.peak, memory.left);
}

}  // namespace
}  // namespace plait::bench

int main() {
    using namespace plait::bench;
    kj::EventLoop loop;
    kj::WaitScope scope(loop);
    Memory plait, kj_, plait_made, kj_made;
    const auto medians = interleaved(
        rounds, [&] { return plait_pending(plait); }, [&] { return kj_pending(kj_, scope); },
        [&] { return plait_as_made(plait_made); }, [&] { return kj_as_made(kj_made, scope); });
    print_memory("plait", plait);
    print_memory("KJ", kj_);
    print_memory("plait, fired as made", plait_made);
    print_memory("KJ, fired as made", kj_made);
    print({"deferred.returned_1m", "ns/link", medians[0], medians[1], "KJ", 3, true});
    print({"deferred.returned_1m_memory", "bytes/link", plait.peak, kj_.peak, "KJ", 0, true});
    print({"deferred.returned_as_made_1m", "ns/link", medians[2], medians[3], "KJ", 3, true});
}
