// Expect: a callback that may return a Failure must return Result<U>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "plait/deferred/deferred.hpp"

using namespace plait;

#ifdef MISTAKE
Deferred<int> refuse(Deferred<int> d) {
    return std::move(d).add_callback([](int) { return make_failure(TimeoutError()); }).add_callback([](int n) {
        return n;
    });
}
#else
Deferred<int> refuse(Deferred<int> d) {
    return std::move(d).add_callback([](int) -> Result<int> { return make_failure(TimeoutError()); });
}
#endif
