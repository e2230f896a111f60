// Threads that the system does not give when a test says so: the test program's own pthread_create stands before the C
// library's. Include it in one file of a test program.
#pragma once

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>

namespace plait::testing {

inline std::atomic<bool> threads_refused = false;

struct ThreadsRefused {
    ThreadsRefused() { threads_refused = true; }
    ThreadsRefused(const ThreadsRefused&) = delete;
    ThreadsRefused& operator=(const ThreadsRefused&) = delete;
    ~ThreadsRefused() { threads_refused = false; }
};

}  // namespace plait::testing

extern "C" inline __attribute__((used)) int pthread_create(pthread_t* thread, const pthread_attr_t* how,
                                                           void* (*run)(void*), void* with) noexcept {
    static const auto next = reinterpret_cast<decltype(&pthread_create)>(::dlsym(RTLD_NEXT, "pthread_create"));
    return plait::testing::threads_refused ? EAGAIN : next(thread, how, run, with);
}
