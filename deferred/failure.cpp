#include "plait/deferred/failure.hpp"

#include <cxxabi.h>

#include <cstdint>
#include <cstdlib>
#include <typeinfo>

#include "plait/deferred/detail/slot.hpp"
#include "plait/deferred/errors.hpp"

namespace plait {

// The std::exception inside is looked for once, on first need: it takes a throw, and most Failures are never asked.
struct Failure::Node {
    std::exception_ptr error;
    SourceLocation origin;
    const std::exception* standard = nullptr;
    const std::type_info* type = nullptr;
    std::uint32_t references = 1;
    bool resolved = false;

    void resolve() noexcept {
        if (resolved) return;
        resolved = true;
        try {
            std::rethrow_exception(error);
        } catch (const std::exception& exception) {
            standard = &exception;  // shared with `error`, not a copy
            type = &typeid(exception);
        } catch (...) {
            type = abi::__cxa_current_exception_type();
        }
    }
};

namespace {

std::string readable_name(const std::type_info* type) {
    if (type == nullptr) return "unknown exception";
    int status = 0;
    char* readable = abi::__cxa_demangle(type->name(), nullptr, nullptr, &status);
    std::string name = readable != nullptr ? readable : type->name();
    std::free(readable);
    return name;
}

}  // namespace

Failure detail::self_wait_failure() {
    return make_failure(
        InvalidState("A Deferred was made to wait for itself: a callback returned, or a coroutine awaited, "
                     "the Deferred whose result it is computing."));
}

Failure::Failure(std::exception_ptr error, SourceLocation origin) : node_(new Node{std::move(error), origin}) {
    if (!node_->error) {
        node_->error = std::make_exception_ptr(InvalidState("A Failure was made from a null exception_ptr."));
    }
}

Failure Failure::current(SourceLocation origin) {
    auto error = std::current_exception();
    if (!error) {
        error = std::make_exception_ptr(
            InvalidState("Failure::current() was called outside a catch block: there is no exception to take."));
    }
    return Failure(std::move(error), origin);
}

const std::exception* Failure::exception() const noexcept {
    if (node_ == nullptr) return nullptr;
    node_->resolve();
    return node_->standard;
}

void Failure::raise() const {
    if (node_ == nullptr) throw InvalidState("A moved-from Failure was raised.");
    std::rethrow_exception(node_->error);
}

std::string Failure::message() const {
    if (node_ == nullptr) return "moved-from Failure";
    node_->resolve();
    std::string text = readable_name(node_->type);
    if (node_->standard != nullptr) text.append(": ").append(node_->standard->what());
    return text;
}

std::exception_ptr Failure::exception_ptr() const noexcept {
    return node_ != nullptr ? node_->error : nullptr;
}

SourceLocation Failure::origin() const noexcept {
    return node_ != nullptr ? node_->origin : SourceLocation();
}

void Failure::retain() const noexcept {
    if (node_ != nullptr) ++node_->references;
}

void Failure::release() noexcept {
    if (node_ != nullptr && --node_->references == 0) delete node_;
}

}  // namespace plait
