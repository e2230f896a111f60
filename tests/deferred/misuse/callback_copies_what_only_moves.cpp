// Expect: this callback cannot take the Deferred's value
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "plait/deferred/deferred.hpp"

using namespace plait;

using Owned = std::unique_ptr<int>;
#ifdef MISTAKE
Deferred<int> value(Deferred<Owned> d) {
    return std::move(d).add_callback([](Owned& owned) { return *owned; });
}
#else
Deferred<int> value(Deferred<Owned> d) {
    return std::move(d).add_callback([](Owned owned) { return *owned; });
}
#endif
