// Expect: this callback cannot take the Deferred's value
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "plait/deferred/deferred.hpp"

using namespace plait;

#ifdef MISTAKE
Deferred<int> length(Deferred<int> d) {
    return std::move(d).add_callback([](const std::string& text) { return static_cast<int>(text.size()); });
}
#else
Deferred<int> length(Deferred<std::string> d) {
    return std::move(d).add_callback([](const std::string& text) { return static_cast<int>(text.size()); });
}
#endif
