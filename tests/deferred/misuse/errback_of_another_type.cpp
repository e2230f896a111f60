// Expect: an errback must return the Deferred's own type
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "plait/deferred/deferred.hpp"

using namespace plait;

#ifdef MISTAKE
Deferred<int> recover(Deferred<int> d) {
    return std::move(d).add_errback([](const Failure& failure) { return failure.message(); });
}
#else
Deferred<int> recover(Deferred<int> d) {
    return std::move(d).add_errback([](const Failure& failure) { return static_cast<int>(failure.message().size()); });
}
#endif
