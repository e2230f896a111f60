// Expect: a chain method takes its Deferred: write std::move(deferred).add_callback
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "plait/deferred/deferred.hpp"

using namespace plait;

#ifdef MISTAKE
Deferred<int> next(Deferred<int> d) {
    return d.add_callback([](int n) { return n + 1; });
}
#else
Deferred<int> next(Deferred<int> d) {
    return std::move(d).add_callback([](int n) { return n + 1; });
}
#endif
