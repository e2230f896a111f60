// Expect: captures must not throw when they are destroyed
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "plait/deferred/deferred.hpp"

using namespace plait;

struct Quiet {};
struct Loud {
    Loud() = default;
    Loud(Loud&&) noexcept {}
    ~Loud() noexcept(false) {}
};
#ifdef MISTAKE
Deferred<int> keep(Deferred<int> d) {
    return std::move(d).add_callback([held = Loud()](int n) { return n; });
}
#else
Deferred<int> keep(Deferred<int> d) {
    return std::move(d).add_callback([held = Quiet()](int n) {
        static_cast<void>(held);
        return n;
    });
}
#endif
