// Expect: a Pause unpauses when it is destroyed: keep it
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "plait/deferred/deferred.hpp"

using namespace plait;

#ifdef MISTAKE
void hold(Deferred<int>& d) {
    d.pause();
}
#else
Pause hold(Deferred<int>& d) {
    return d.pause();
}
#endif
