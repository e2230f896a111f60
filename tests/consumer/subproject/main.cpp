// A program that takes Plait along as a Meson subproject.
#include <plait/deferred/deferred.hpp>

#include <iostream>

int main() {
    auto [deferred, promise] = plait::make_deferred<int>();
    auto printed = std::move(deferred).add_callback([](int n) { std::cout << "got " << n << '\n'; });
    promise.callback(42);
}
