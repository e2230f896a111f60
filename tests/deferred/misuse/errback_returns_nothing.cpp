// Expect: this errback returns nothing, but the chain needs a value after it
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "plait/deferred/deferred.hpp"

using namespace plait;

void log(const Failure&);
#ifdef MISTAKE
Deferred<int> logged(Deferred<int> d) {
    return std::move(d).add_errback([](const Failure& failure) { log(failure); });
}
#else
Deferred<int> logged(Deferred<int> d) {
    return std::move(d).add_errback([](const Failure& failure) {
        log(failure);
        return failure;
    });
}
#endif
