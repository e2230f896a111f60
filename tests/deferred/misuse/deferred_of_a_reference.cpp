// Expect: for a reference use std::reference_wrapper or a pointer
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "plait/deferred/deferred.hpp"

using namespace plait;

struct Node {};
#ifdef MISTAKE
Deferred<Node&> find();
Deferred<Node&> again() {
    return find();
}
#else
Deferred<std::reference_wrapper<Node> > find();
Deferred<std::reference_wrapper<Node> > again() {
    return find();
}
#endif
