// Context: what a piece of work carries along, a request's number or a user's name, for log lines and the like.
// Not a way to pass arguments, and not thread-local storage: it goes where the work goes.
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "plait/deferred/detail/context_switch.hpp"
#include "plait/deferred/unique_function.hpp"

namespace plait {

/// The name of one thing in a Context, and its type. Make it once, outside all functions:
///
///     inline const plait::ContextKey<std::string> request_id{"request"};
///
/// Lifetime: keys are told apart by their address, and must outlive every Context that has them.
template <typename T>
class ContextKey {
public:
    explicit constexpr ContextKey(const char* name) noexcept : name_(name) {}
    ContextKey(const ContextKey&) = delete;
    ContextKey& operator=(const ContextKey&) = delete;
    ~ContextKey() = default;

    const char* name() const noexcept { return name_; }

    /// The value in the current context, null when it has none. Valid as long as that context lives.
    const T* get() const noexcept;

private:
    const char* name_;
};

namespace detail {

/// One value, shared by all contexts that have it.
class ContextEntry {
public:
    ContextEntry(const void* entry_key, const char* entry_name) noexcept : key(entry_key), name(entry_name) {}
    ContextEntry(const ContextEntry&) = delete;
    ContextEntry& operator=(const ContextEntry&) = delete;
    virtual ~ContextEntry();

    /// False when the value has no text.
    virtual bool append_text(std::string& text) const = 0;

    const void* const key;
    const char* const name;
};

template <typename T>
class ContextValue final : public ContextEntry {
public:
    template <typename V>
    ContextValue(const ContextKey<T>& of, V&& given) : ContextEntry(&of, of.name()), value(std::forward<V>(given)) {}
    ~ContextValue() override = default;

    bool append_text(std::string& text) const override {
        if constexpr (std::is_convertible_v<const T&, std::string_view>) {
            text.append(std::string_view(value));
        } else if constexpr (std::is_same_v<T, bool>) {
            text.append(value ? "true" : "false");
        } else if constexpr (std::is_same_v<T, char>) {
            text.push_back(value);
        } else if constexpr (std::is_arithmetic_v<T>) {
            text.append(std::to_string(value));
        } else {
            return false;
        }
        return true;
    }

    const T value;
};

}  // namespace detail

/// An immutable set of values by key; a copy is a counted pointer.
///
/// What is current when work is asked for is current when it is done:
///   - a callback runs in the context in which it was added to its chain, wherever that is fired;
///   - a coroutine begins in its caller's, and keeps its own over each co_await, scopes it has entered included;
///   - Clock::call_later, Reactor::call_soon and Reactor::call_from_thread call in that of the asking;
///   - functions of your own, given to whatever else calls back: carry_context().
/// Whoever fires, resumes or calls finds its own context unchanged afterwards. Cancellers, and the destructors of what
/// callbacks captured, run in that of whoever cancels or drops.
///
/// Cost:     where there is none, a thread-local load and a compare a callback. Else an entry a callback in the chain's
///           own memory, and a counted copy. A scope makes a copy of the set: keep to a handful of keys. Giving a key
///           another value replaces the old one, so that nesting in a loop does not grow.
/// Lifetime: a value lives as long as a context that has it: chains, coroutines and calls let go of theirs when they
///           end or are dropped.
/// Threads:  any; values are read in several threads at once if their context goes there, so their const members must
///           allow that. What is current is so for one thread.
class Context {
public:
    /// Nothing in it.
    Context() noexcept = default;
    Context(const Context& other) noexcept : data_(other.data_) {
        if (data_ != nullptr) detail::retain_context(data_);
    }
    Context(Context&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
    Context& operator=(Context other) noexcept {
        std::swap(data_, other.data_);
        return *this;
    }
    ~Context() {
        if (data_ != nullptr) detail::release_context(data_);
    }

    static Context current() noexcept;

    bool empty() const noexcept { return data_ == nullptr; }

    /// Null when there is no such value. Valid as long as this context, or any with the same value, lives.
    template <typename T>
    const T* find(const ContextKey<T>& key) const noexcept {
        const detail::ContextEntry* entry = find_entry(data_, &key);
        return entry != nullptr ? &static_cast<const detail::ContextValue<T>*>(entry)->value : nullptr;
    }

    /// This one, with `value` for `key`.
    template <typename T, typename V>
        requires std::constructible_from<T, V&&>
    [[nodiscard]] Context with(const ContextKey<T>& key, V&& value) const {
        return with_entry(std::make_shared<const detail::ContextValue<T>>(key, std::forward<V>(value)));
    }

    /// Calls `field(std::string_view name, std::string_view text)` for each value that is text, a number or a bool, in
    /// the order their keys were first given.
    template <typename F>
    void for_each_field(F&& field) const {
        std::string text;
        for (std::size_t i = 0; const detail::ContextEntry* entry = entry_at(i); ++i) {
            text.clear();
            if (entry->append_text(text)) field(std::string_view(entry->name), std::string_view(text));
        }
    }

    /// The same for a log line: `request=17 user=ann`. Texts are taken as they are.
    std::string fields() const;

private:
    friend class ContextScope;
    template <typename T>
    friend class ContextKey;

    explicit Context(detail::ContextData* owned) noexcept : data_(owned) {}
    static const detail::ContextEntry* find_entry(const detail::ContextData* data, const void* key) noexcept;
    const detail::ContextEntry* entry_at(std::size_t index) const noexcept;
    Context with_entry(std::shared_ptr<const detail::ContextEntry> entry) const;

    detail::ContextData* data_ = nullptr;
};

/// Makes a context current while it lives; the destructor brings the one before back.
///
///     plait::ContextScope scope(request_id, "a17");
///     log(plait::Context::current().fields() + " begins");   // request=a17 begins
///
/// Lifetime: a local variable, of a function or a coroutine: scopes end in the reverse order of their beginning.
class [[nodiscard]] ContextScope {
public:
    explicit ContextScope(Context context) noexcept;

    /// The current context with `value` for `key`.
    template <typename T, typename V>
        requires std::constructible_from<T, V&&>
    ContextScope(const ContextKey<T>& key, V&& value)
        : ContextScope(Context::current().with(key, std::forward<V>(value))) {}

    ContextScope(const ContextScope&) = delete;
    ContextScope& operator=(const ContextScope&) = delete;
    ~ContextScope();

private:
    detail::ContextData* before_;
};

/// `function`, to be called in the context that is current now. The same function when there is none.
UniqueFunction<void()> carry_context(UniqueFunction<void()> function);

template <typename T>
const T* ContextKey<T>::get() const noexcept {
    const detail::ContextEntry* entry = Context::find_entry(detail::current_context, this);
    return entry != nullptr ? &static_cast<const detail::ContextValue<T>*>(entry)->value : nullptr;
}

}  // namespace plait
