// TokenPool: what a DeferredSemaphore and its Permits share. Lives until the last of them.
// Not for users.
#pragma once

#include <cstddef>
#include <memory>

#include "plait/deferred/detail/waiting_line.hpp"
#include "plait/deferred/semaphore.hpp"

namespace plait::detail {

class TokenPool : public std::enable_shared_from_this<TokenPool> {
public:
    TokenPool(std::size_t limit, const char* name) noexcept : limit_(limit), free_(limit), name_(name) {}
    TokenPool(const TokenPool&) = delete;
    TokenPool& operator=(const TokenPool&) = delete;

    std::size_t limit() const noexcept { return limit_; }
    std::size_t free() const noexcept { return free_; }
    std::size_t waiting() const noexcept { return line_.size(); }
    const char* name() const noexcept { return name_; }

    /// Empty when there are not so many, or others were first.
    Permit take(std::size_t tokens) noexcept;
    Deferred<Permit> wait_for(std::size_t tokens, SourceLocation made);
    void give_back(std::size_t tokens) noexcept;
    /// The semaphore is gone: nobody gets any more.
    void close() noexcept;

private:
    void hand_over() noexcept;

    std::size_t limit_;
    std::size_t free_;
    const char* name_;
    WaitingLine<Permit> line_;
    bool handing_over_ = false;
    bool closed_ = false;
};

}  // namespace plait::detail
