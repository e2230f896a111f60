#include "plait/deferred/unhandled.hpp"

#include <atomic>
#include <cstdio>

#include "plait/deferred/errors.hpp"

namespace plait {

namespace {

void print_to_stderr(const UnhandledFailure& unhandled) {
    std::fprintf(stderr, "Unhandled failure in a Deferred made at %s:%u: %s\n", unhandled.made.file_name(),
                 static_cast<unsigned>(unhandled.made.line()), unhandled.failure.full_message().c_str());
}

std::atomic<UnhandledFailureHook> current_hook{&print_to_stderr};
std::atomic<std::uint64_t> reported{0};

}  // namespace

UnhandledFailureHook set_unhandled_failure_hook(UnhandledFailureHook hook) noexcept {
    return current_hook.exchange(hook != nullptr ? hook : &print_to_stderr);
}

std::uint64_t unhandled_failure_count() noexcept {
    return reported.load(std::memory_order_relaxed);
}

void report_unhandled_failure(const Failure& failure, SourceLocation made) noexcept {
    if (failure.check<Cancelled>() != nullptr) return;
    reported.fetch_add(1, std::memory_order_relaxed);
    try {
        current_hook.load()(UnhandledFailure{failure, made});
    } catch (...) {
        std::fputs("The unhandled-failure hook threw an exception; the failure it was given is lost.\n", stderr);
    }
}

}  // namespace plait
