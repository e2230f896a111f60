// Expect: only a Deferred can be awaited here
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "plait/deferred/deferred.hpp"

using namespace plait;

int count();
#ifdef MISTAKE
Deferred<int> next() {
    co_return co_await count();
}
#else
Deferred<int> next() {
    co_return co_await succeed(count());
}
#endif
