#include "plait/deferred/detail/describe.hpp"

#include <array>
#include <cstdio>

#include "plait/deferred/detail/trace_lines.hpp"
#include "plait/deferred/detail/trace_registry.hpp"

namespace plait::detail {

namespace {

constexpr std::size_t most_quoted = 60;

std::string counted_callbacks(std::size_t count) {
    return std::to_string(count) + (count == 1 ? " callback" : " callbacks");
}

const char* kind_of(const PendingChain& chain) {
    return chain.kind == PendingChain::Kind::coroutine ? "a coroutine" : "a Deferred";
}

/// Without what it does.
std::string introduced(const PendingChain& chain) {
    std::string text = chain.name.empty() ? "" : quoted(chain.name) + ", ";
    text.append(kind_of(chain)).append(" made at ").append(describe_place(chain.made));
    if (chain.age) text.append(", ").append(describe_age(*chain.age)).append(" old");
    if (chain.callbacks > 0) text.append(", ").append(counted_callbacks(chain.callbacks));
    return text;
}

PendingChain chain_of(const Core& core) {
    const Failure* failure = nullptr;
    PendingChain chain = TraceView::look(core, failure);
    chain.name = traced_name(core);
    return chain;
}

std::string indented(const std::string& text, const std::string& by) {
    std::string result;
    for (const char c : text) {
        result.push_back(c);
        if (c == '\n') result.append(by);
    }
    return result;
}

}  // namespace

std::string quoted(std::string_view text) {
    std::string result = "\"";
    result.append(text.substr(0, most_quoted)).append(text.size() > most_quoted ? "..." : "");
    return result.append("\"");
}

std::string describe_place(const SourceLocation& place) {
    std::string text = place.file_name();
    text.append(":").append(std::to_string(place.line()));
    if (*place.function_name() != '\0') text.append(" in ").append(place.function_name());
    return text;
}

std::string describe_age(std::chrono::nanoseconds age) {
    const double seconds = std::chrono::duration<double>(age).count();
    std::array<char, 32> text{};
    if (seconds < 1) {
        std::snprintf(text.data(), text.size(), "%.3g ms", seconds * 1000);
    } else if (seconds < 120) {
        std::snprintf(text.data(), text.size(), "%.3g s", seconds);
    } else {
        std::snprintf(text.data(), text.size(), "%.0f min", seconds / 60);
    }
    return text.data();
}

std::string describe_chain(const PendingChain& chain, const std::string& indent) {
    using State = PendingChain::State;
    std::string text = introduced(chain);
    switch (chain.state) {
        case State::waiting:
            if (chain.awaits_at) {
                text.append("; at the co_await ").append(describe_place(*chain.awaits_at));
            } else if (chain.waits_for == 0) {
                text.append("; not fired");
            }
            break;
        case State::running:
            text.append("; running");
            break;
        case State::paused:
            text.append("; paused");
            break;
        case State::ready:
            text.append("; its result was not taken");
            break;
        case State::failed:
            text.append("; failed, and nobody took it: ").append(indented(chain.failure, indent));
            break;
    }
    return text;
}

std::string describe_core(const Core& core, const std::string& result) {
    const PendingChain chain = chain_of(core);
    std::string text = introduced(chain);
    if (!result.empty()) return text.append("; ").append(result);
    if (chain.state == PendingChain::State::running) return text.append("; running");
    if (chain.state == PendingChain::State::paused) return text.append("; paused");
    const Core* inner = TraceView::waits_for(core);
    if (inner == nullptr) return text.append("; no result yet");
    text.append(chain.awaits_at ? "; waits at the co_await " + describe_place(*chain.awaits_at) + " for "
                                : "; waits for ");
    return text.append(introduced(chain_of(*inner)));
}

}  // namespace plait::detail
