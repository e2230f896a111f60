// Expect: dropped, it is cancelled: keep it, await it, return it, or detach() it
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "plait/deferred/deferred.hpp"

using namespace plait;

void log(const Failure&);
#ifdef MISTAKE
void leave(Deferred<int> d) {
    std::move(d).add_callback([](int n) { return n + 1; });
}
#else
void leave(Deferred<int> d) {
    std::move(d).add_callback([](int n) { return n + 1; }).detach(log);
}
#endif
