#include "plait/deferred/detail/fired_twice.hpp"

#include <optional>
#include <string>

#include "plait/deferred/detail/describe.hpp"
#include "plait/deferred/detail/misuse.hpp"
#include "plait/deferred/detail/trace_registry.hpp"
#include "plait/deferred/errors.hpp"

namespace plait::detail {

void throw_already_fired(const Core* core, Spent spent, SourceLocation again) {
    std::string text = AlreadyFired().what();
    text.append(" It was fired again at ").append(describe_place(again)).append(".");
    const TraceRecord* record = core != nullptr ? TraceView::record(*core) : nullptr;
    if (const auto chain = find_fired(record != nullptr ? record->id : spent >> 1)) {
        text.append(" The first time was at ").append(describe_place(chain->fired)).append(". It ");
        if (!chain->name.empty()) text.append("is ").append(quoted(chain->name)).append(", and ");
        text.append("was made at ").append(describe_place(chain->made)).append(".");
    }
    throw AlreadyFired(text);
}

void throw_unless_swallowed(const Core* core, Spent spent, SourceLocation again) {
    if (core != nullptr && core->ignores_results()) return;
    if (core != nullptr || spent != 0) throw_already_fired(core, spent, again);
    throw_empty_promise();
}

}  // namespace plait::detail
