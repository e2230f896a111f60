// Expect: dropped, it is cancelled: keep it, await it, return it, or detach() it
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "plait/deferred/deferred.hpp"

using namespace plait;

Deferred<> save();
void log(const Failure&);
#ifdef MISTAKE
void leave() {
    save();
}
#else
void leave() {
    save().detach(log);
}
#endif
