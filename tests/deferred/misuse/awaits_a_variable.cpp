// Expect: a Deferred is awaited once, as an rvalue: write co_await std::move(deferred)
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "plait/deferred/deferred.hpp"

using namespace plait;

#ifdef MISTAKE
Deferred<int> next(Deferred<int> d) {
    co_return co_await d;
}
#else
Deferred<int> next(Deferred<int> d) {
    co_return co_await std::move(d);
}
#endif
