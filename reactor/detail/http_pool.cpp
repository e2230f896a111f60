#include "plait/reactor/detail/http_pool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "plait/reactor/detail/http_call.hpp"

namespace plait::detail {

// ---- one host

void HttpHost::connection_free(HttpClientConnection& connection) {
    const auto self = shared_from_this();
    auto& pool = *pool_;
    idle_.push_back(&connection);
    pool.idle_.push_back(&connection);
    if (pool.waiting_ > 0) pool.serve();
    while (pool.idle_.size() > pool.options_.idle_connections)
        pool.make_room();
}

void HttpHost::connection_ended(HttpClientConnection& connection) noexcept {
    const auto self = shared_from_this();
    const auto pool = pool_;
    forget_idle(connection);
    std::erase_if(all_, [&connection](const auto& held) { return held.get() == &connection; });
    --pool->connections_;
    if (pool->room_coming_ > 0) --pool->room_coming_;
    if (empty()) pool->hosts_.erase(origin_);
    if (pool->closed_) return pool->settle_closing();
    if (pool->waiting_ > 0) pool->serve_soon();
}

void HttpHost::forget_idle(const HttpClientConnection& connection) noexcept {
    if (std::erase(idle_, &connection) > 0) std::erase(pool_->idle_, &connection);
}

std::shared_ptr<HttpClientConnection> HttpHost::take_idle() {
    while (!idle_.empty()) {
        auto* const last = idle_.back();
        forget_idle(*last);
        if (last->is_free()) return last->shared_from_this();
    }
    return nullptr;
}

// ---- the pool

HttpPool::HttpPool(Clock& clock, std::shared_ptr<Connector> plain, std::shared_ptr<Connector> secure,
                   HttpClientOptions options)
    : clock_(clock), plain_(std::move(plain)), secure_(std::move(secure)), options_(std::move(options)) {}

HttpHost& HttpPool::host(const HttpOrigin& origin) {
    auto& place = hosts_[origin];
    if (place == nullptr) place = std::make_shared<HttpHost>(shared_from_this(), origin);
    return *place;
}

bool HttpPool::ask(const HttpOrigin& origin, HttpWaiter& waiter) {
    const auto at = host(origin).shared_from_this();
    if (has_turn(*at) && try_serve(*at, waiter)) return true;
    if (waiting_ >= options_.most_waiting) {
        if (at->empty()) hosts_.erase(origin);
        throw HttpQueueFull(fmt::format("{} requests wait for a connection already, as many as may", waiting_));
    }
    waiter.host_ = at;
    waiter.turn_ = ++turns_;
    waiter.place_ = at->waiters_.insert(at->waiters_.end(), &waiter);
    ++waiting_;
    return false;
}

void HttpPool::leave(HttpWaiter& waiter) noexcept {
    const auto at = std::move(waiter.host_);
    if (at == nullptr) return;
    at->waiters_.erase(waiter.place_);
    --waiting_;
    if (at->empty()) hosts_.erase(at->origin_);
}

void HttpPool::drop_idle(const HttpOrigin& origin) noexcept {
    const auto found = hosts_.find(origin);
    if (found == hosts_.end()) return;
    const auto at = found->second;
    while (const auto idle = at->take_idle())
        idle->close_idle();
}

bool HttpPool::may_connect(const HttpHost& host) const noexcept {
    if (host.all_.size() >= options_.connections_per_host) return false;
    return connections_ < options_.connections;
}

/// Nobody overtakes those who wait for the same host, or for room that has come and is not given away yet.
bool HttpPool::has_turn(const HttpHost& host) const noexcept {
    return host.waiters_.empty() && (!host.idle_.empty() || !serve_call_.active());
}

bool HttpPool::try_serve(HttpHost& host, HttpWaiter& waiter) {
    if (auto idle = host.take_idle()) {
        waiter.take_connection(std::move(idle), nullptr);
        return true;
    }
    if (!may_connect(host)) {
        // One that is closed now makes room when it is gone.
        if (host.all_.size() < options_.connections_per_host && room_coming_ == 0) make_room();
        return false;
    }
    auto fresh = std::make_shared<HttpClientConnection>(clock_, options_.limits, host.shared_from_this(),
                                                        options_.idle_connection_timeout);
    host.all_.push_back(fresh);
    ++connections_;
    waiter.take_connection(std::move(fresh), (host.origin_.secure ? secure_ : plain_).get());
    return true;
}

/// Closes the connection that was idle for longest.
bool HttpPool::make_room() noexcept {
    if (idle_.empty()) return false;
    const auto oldest = idle_.front()->shared_from_this();
    for (const auto& [origin, host] : hosts_)
        host->forget_idle(*oldest);
    oldest->close_idle();
    ++room_coming_;
    return true;
}

/// Those who came first are looked at first; a host where nothing is to be had holds up its own alone.
void HttpPool::serve() {
    const auto self = shared_from_this();
    std::vector<std::shared_ptr<HttpHost>> held_up;
    std::size_t room_taken = 0;
    while (waiting_ > 0 && !closed_) {
        std::shared_ptr<HttpHost> first;
        for (const auto& [origin, host] : hosts_) {
            if (host->waiters_.empty() || std::find(held_up.begin(), held_up.end(), host) != held_up.end()) continue;
            if (first == nullptr || host->waiters_.front()->turn_ < first->waiters_.front()->turn_) first = host;
        }
        if (first == nullptr) return;
        auto& waiter = *first->waiters_.front();
        if (first->idle_.empty() && !may_connect(*first)) {
            // Who waits for the total bound goes before those who came later, though their host may have one idle.
            if (first->all_.size() < options_.connections_per_host && ++room_taken > room_coming_) make_room();
            held_up.push_back(first);
            continue;
        }
        // Not leave(): that forgets a host without connections, and this one is about to have one.
        first->waiters_.pop_front();
        --waiting_;
        waiter.host_ = nullptr;
        if (!try_serve(*first, waiter)) {
            // What was idle was none any more.
            waiter.host_ = first;
            waiter.place_ = first->waiters_.insert(first->waiters_.begin(), &waiter);
            ++waiting_;
            held_up.push_back(first);
        }
    }
}

/// Not from inside the end of a connection: those who are served open new ones.
void HttpPool::serve_soon() {
    if (serve_call_.active()) return;
    serve_call_ = clock_.call_later(Duration::zero(), [this] { serve(); });
}

// ---- the end

Deferred<> HttpPool::close() {
    auto [deferred, promise] = make_deferred<>();
    closing_.push_back(std::move(promise));
    closed_ = true;
    if (!close_call_.active()) {
        close_call_ = clock_.call_later(Duration::zero(), [this] {
            const auto self = shared_from_this();
            fail_calls();
            abandon_all();
            settle_closing();
        });
    }
    return std::move(deferred);
}

void HttpPool::destroy() {
    const auto self = shared_from_this();
    closed_ = true;
    close_call_.cancel();
    serve_call_.cancel();
    fail_calls();
    abandon_all();
    settle_closing();
}

void HttpPool::fail_calls() {
    const auto calls = calls_;
    for (auto* const call : calls) {
        if (!calls_.contains(call)) continue;
        call->client_closed();
    }
}

void HttpPool::abandon_all() noexcept {
    const auto hosts = hosts_;
    for (const auto& [origin, host] : hosts) {
        const auto connections = host->all_;
        for (const auto& connection : connections) {
            host->forget_idle(*connection);
            if (connection->is_free()) {
                connection->close_idle();
            } else {
                connection->abandon();
            }
        }
    }
}

void HttpPool::settle_closing() {
    if (connections_ > 0 || close_call_.active()) return;
    const auto self = shared_from_this();
    for (auto& promise : std::exchange(closing_, {}))
        promise.callback();
}

}  // namespace plait::detail
