// Expect: this callback cannot take a Result<T>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "plait/deferred/deferred.hpp"

using namespace plait;

#ifdef MISTAKE
Deferred<int> twice(Deferred<int> d) {
    return std::move(d).add_both([](std::string text) { return static_cast<int>(text.size()); });
}
#else
Deferred<int> twice(Deferred<int> d) {
    return std::move(d).add_both([](Result<int> result) { return 2 * result.value(); });
}
#endif
