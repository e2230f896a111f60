#include "plait/deferred/unhandled.hpp"

#include <atomic>
#include <cstdio>
#include <string>

#include "plait/deferred/detail/core.hpp"
#include "plait/deferred/detail/describe.hpp"
#include "plait/deferred/errors.hpp"

namespace plait {

namespace {

void print_to_stderr(const UnhandledFailure& unhandled) {
    std::string text = "Unhandled failure in ";
    text.append(unhandled.name.empty() ? "" : detail::quoted(unhandled.name) + ", ");
    text.append("a Deferred made at ").append(detail::describe_place(unhandled.made));
    text.append(": ").append(unhandled.failure.full_message()).append("\n");
    std::fputs(text.c_str(), stderr);
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

namespace {

void report(const Failure& failure, SourceLocation made, const detail::Core* holder) noexcept {
    if (failure.check<Cancelled>() != nullptr) return;
    reported.fetch_add(1, std::memory_order_relaxed);
    try {
        const std::string name = holder != nullptr ? detail::traced_name(*holder) : std::string();
        current_hook.load()(UnhandledFailure{failure, made, name});
    } catch (...) {
        std::fputs("The unhandled-failure hook threw an exception; the failure it was given is lost.\n", stderr);
    }
}

}  // namespace

void report_unhandled_failure(const Failure& failure, SourceLocation made) noexcept {
    report(failure, made, nullptr);
}

void detail::report_unhandled_failure(const Failure& failure, const Core& holder) noexcept {
    report(failure, holder.made(), &holder);
}

}  // namespace plait
