#include "plait/deferred/context.hpp"

#include <atomic>
#include <cstdint>
#include <vector>

namespace plait {

namespace detail {

constinit thread_local ContextData* current_context [[gnu::tls_model("initial-exec")]] = nullptr;

class ContextData {
public:
    std::vector<std::shared_ptr<const ContextEntry>> entries;
    std::atomic<std::uint32_t> references{1};
};

void retain_context(ContextData* context) noexcept {
    context->references.fetch_add(1, std::memory_order_relaxed);
}

void release_context(ContextData* context) noexcept {
    if (context->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete context;
}

ContextEntry::~ContextEntry() = default;

}  // namespace detail

Context Context::current() noexcept {
    if (detail::current_context != nullptr) detail::retain_context(detail::current_context);
    return Context(detail::current_context);
}

const detail::ContextEntry* Context::find_entry(const detail::ContextData* data, const void* key) noexcept {
    if (data == nullptr) return nullptr;
    for (const auto& entry : data->entries)
        if (entry->key == key) return entry.get();
    return nullptr;
}

const detail::ContextEntry* Context::entry_at(std::size_t index) const noexcept {
    return data_ != nullptr && index < data_->entries.size() ? data_->entries[index].get() : nullptr;
}

Context Context::with_entry(std::shared_ptr<const detail::ContextEntry> entry) const {
    Context made(new detail::ContextData());
    auto& entries = made.data_->entries;
    entries.reserve(data_ != nullptr ? data_->entries.size() + 1 : 1);
    if (data_ != nullptr) entries = data_->entries;
    for (auto& present : entries) {
        if (present->key != entry->key) continue;
        present = std::move(entry);
        return made;
    }
    entries.push_back(std::move(entry));
    return made;
}

std::string Context::fields() const {
    std::string line;
    for_each_field([&line](std::string_view name, std::string_view text) {
        if (!line.empty()) line.push_back(' ');
        line.append(name).append("=").append(text);
    });
    return line;
}

ContextScope::ContextScope(Context context) noexcept
    : before_(std::exchange(detail::current_context, std::exchange(context.data_, nullptr))) {}

ContextScope::~ContextScope() {
    detail::set_context(before_);
}

UniqueFunction<void()> carry_context(UniqueFunction<void()> function) {
    if (detail::current_context == nullptr) return function;
    return [context = Context::current(), function = std::move(function)]() mutable {
        const ContextScope scope(context);
        function();
    };
}

}  // namespace plait
