// A thread whose stack could not hold a frame for each of `many`: what recurses there, crashes there.
// Not a limit on anything but the stack.
#pragma once

#include <pthread.h>

#include <boost/test/unit_test.hpp>

#if defined(__SANITIZE_ADDRESS__)
constexpr int many = 100000;  // ten times the frames that would fit, were there one for each
#else
constexpr int many = 1000000;
#endif

/// Runs `body` in a thread with a stack of 256 KiB.
template <typename Body>
void on_a_small_stack(Body body) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    pthread_t thread;
    auto run = [](void* argument) -> void* {
        (*static_cast<Body*>(argument))();
        return nullptr;
    };
    BOOST_REQUIRE(pthread_create(&thread, &attributes, run, &body) == 0);
    pthread_join(thread, nullptr);
    pthread_attr_destroy(&attributes);
}
