#include "plait/deferred/semaphore.hpp"

#include <string>

#include "plait/deferred/detail/token_pool.hpp"
#include "plait/deferred/errors.hpp"

namespace plait {

namespace {

void check_wish(const detail::TokenPool& pool, std::size_t tokens) {
    if (tokens == 0) throw UsageError("No token at all was asked of a " + std::string(pool.name()) + ": ask for one.");
    if (tokens > pool.limit()) {
        throw UsageError(std::to_string(tokens) + " tokens were asked of a " + pool.name() + " that has " +
                         std::to_string(pool.limit()) + ": they would never come.");
    }
}

}  // namespace

Permit::Permit(std::shared_ptr<detail::TokenPool> pool, std::size_t tokens) noexcept
    : pool_(std::move(pool)), tokens_(tokens) {}

Permit::Permit(Permit&& other) noexcept : pool_(std::move(other.pool_)), tokens_(std::exchange(other.tokens_, 0)) {}

Permit& Permit::operator=(Permit&& other) noexcept {
    if (this == &other) return *this;
    const Permit old(std::move(*this));
    pool_ = std::move(other.pool_);
    tokens_ = std::exchange(other.tokens_, 0);
    return *this;
}

void Permit::release() noexcept {
    // By a pool of its own: the next one's callbacks may destroy this object.
    if (const auto pool = std::move(pool_)) pool->give_back(std::exchange(tokens_, 0));
}

DeferredSemaphore::DeferredSemaphore(std::size_t limit) : DeferredSemaphore(limit, "DeferredSemaphore") {}

DeferredSemaphore::DeferredSemaphore(std::size_t limit, const char* name)
    : pool_(std::make_shared<detail::TokenPool>(limit, name)) {
    if (limit == 0)
        throw UsageError("A DeferredSemaphore needs one token at least: with none, all would wait forever.");
}

DeferredSemaphore::~DeferredSemaphore() {
    pool_->close();
}

Deferred<Permit> DeferredSemaphore::acquire(std::size_t tokens, SourceLocation made) {
    check_wish(*pool_, tokens);
    if (Permit now = pool_->take(tokens)) return succeed(std::move(now));
    return pool_->wait_for(tokens, made);
}

Permit DeferredSemaphore::try_acquire(std::size_t tokens) {
    check_wish(*pool_, tokens);
    return pool_->take(tokens);
}

std::size_t DeferredSemaphore::limit() const noexcept {
    return pool_->limit();
}

std::size_t DeferredSemaphore::tokens() const noexcept {
    return pool_->free();
}

std::size_t DeferredSemaphore::waiting() const noexcept {
    return pool_->waiting();
}

}  // namespace plait
