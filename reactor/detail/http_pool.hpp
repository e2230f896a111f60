// HttpPool: the connections of an HttpClient, and who waits for one. Not public. Knows nothing of what is asked over
// them: that is HttpCallState.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "plait/deferred/clock.hpp"
#include "plait/reactor/detail/http_client_connection.hpp"
#include "plait/reactor/protocols/http_client.hpp"

namespace plait::detail {

class HttpCallState;
class HttpHost;
class HttpPool;

/// What one connection is good for.
struct HttpOrigin {
    bool secure = false;
    std::string host;
    std::uint16_t port = 0;

    auto operator<=>(const HttpOrigin&) const = default;
};

/// Somebody who wants a connection.
class HttpWaiter {
public:
    /// Begins on it. `connector`: null, or what it is to be connected with after that. Calls nobody's code.
    virtual void take_connection(std::shared_ptr<HttpClientConnection> connection, Connector* connector) = 0;

protected:
    virtual ~HttpWaiter() = default;

private:
    friend class HttpHost;
    friend class HttpPool;
    std::shared_ptr<HttpHost> host_;  ///< while it waits
    std::list<HttpWaiter*>::iterator place_;
    std::uint64_t turn_ = 0;
};

/// The connections to one origin.
/// Lifetime: held by the pool while it has anything, by its connections, and by who waits.
class HttpHost final : public HttpClientConnection::Keeper, public std::enable_shared_from_this<HttpHost> {
public:
    HttpHost(std::shared_ptr<HttpPool> pool, HttpOrigin origin) : pool_(std::move(pool)), origin_(std::move(origin)) {}

    void connection_free(HttpClientConnection& connection) override;
    void connection_ended(HttpClientConnection& connection) noexcept override;

    const HttpOrigin& origin() const noexcept { return origin_; }

private:
    friend class HttpPool;
    bool empty() const noexcept { return all_.empty() && waiters_.empty(); }
    void forget_idle(const HttpClientConnection& connection) noexcept;
    std::shared_ptr<HttpClientConnection> take_idle();

    std::shared_ptr<HttpPool> pool_;
    HttpOrigin origin_;
    std::vector<std::shared_ptr<HttpClientConnection>> all_;
    std::vector<HttpClientConnection*> idle_;  ///< the one used last is last
    std::list<HttpWaiter*> waiters_;
};

/// Lifetime: shared by the client, its calls and its hosts.
class HttpPool final : public std::enable_shared_from_this<HttpPool> {
public:
    HttpPool(Clock& clock, std::shared_ptr<Connector> plain, std::shared_ptr<Connector> secure,
             HttpClientOptions options);

    Clock& clock() const noexcept { return clock_; }
    const HttpClientOptions& options() const noexcept { return options_; }
    bool closed() const noexcept { return closed_; }
    bool reaches(const HttpOrigin& origin) const noexcept { return (origin.secure ? secure_ : plain_) != nullptr; }

    /// Gives `waiter` a connection, now or when one is free. Returns whether now. Throws HttpQueueFull.
    bool ask(const HttpOrigin& origin, HttpWaiter& waiter);
    /// Takes it out of the line, if it is in.
    void leave(HttpWaiter& waiter) noexcept;
    /// Closes what is idle there: where one connection was stale the others are.
    void drop_idle(const HttpOrigin& origin) noexcept;

    void add_call(HttpCallState& call) { calls_.insert(&call); }
    void remove_call(HttpCallState& call) noexcept { calls_.erase(&call); }

    /// The client is closed or destroyed.
    Deferred<> close();
    void destroy();

    std::size_t connections() const noexcept { return connections_; }
    std::size_t idle() const noexcept { return idle_.size(); }
    std::size_t waiting() const noexcept { return waiting_; }

private:
    friend class HttpHost;
    HttpHost& host(const HttpOrigin& origin);
    bool may_connect(const HttpHost& host) const noexcept;
    bool has_turn(const HttpHost& host) const noexcept;
    bool try_serve(HttpHost& host, HttpWaiter& waiter);
    void serve();
    void serve_soon();
    bool make_room() noexcept;
    void fail_calls();
    void abandon_all() noexcept;
    void settle_closing();

    Clock& clock_;
    std::shared_ptr<Connector> plain_;
    std::shared_ptr<Connector> secure_;
    HttpClientOptions options_;
    std::map<HttpOrigin, std::shared_ptr<HttpHost>> hosts_;
    std::vector<HttpClientConnection*> idle_;  ///< of all hosts; the one idle for longest is first
    std::unordered_set<HttpCallState*> calls_;
    std::vector<Promise<>> closing_;
    DelayedCall close_call_;
    DelayedCall serve_call_;
    std::uint64_t turns_ = 0;
    std::size_t connections_ = 0;
    std::size_t room_coming_ = 0;  ///< connections being closed for somebody who waits
    std::size_t waiting_ = 0;
    bool closed_ = false;
};

}  // namespace plait::detail
