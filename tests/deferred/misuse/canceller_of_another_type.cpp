// Expect: a canceller is called as f() or f(Promise<T>&)
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "plait/deferred/deferred.hpp"

using namespace plait;

#ifdef MISTAKE
void stoppable(Promise<int>& promise) {
    promise.on_cancel([](Promise<std::string>& answer) { answer.callback("stopped"); });
}
#else
void stoppable(Promise<int>& promise) {
    promise.on_cancel([](Promise<int>& answer) { answer.callback(0); });
}
#endif
