// TlsSessions: what a client keeps to make its next handshake with the same server shorter. Bounded; not a server's
// side, which keeps nothing but hands out tickets.
#pragma once

#include <openssl/ssl.h>

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace plait::detail {

struct FreeSession {
    void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
};
using SessionPtr = std::unique_ptr<SSL_SESSION, FreeSession>;

/// Sessions by server. The one not used for the longest time gives way.
/// Threads: any.
class TlsSessions {
public:
    explicit TlsSessions(std::size_t most) : most_(most) {}

    void keep(const std::string& server, SessionPtr session);

    /// One to try, or null. Those of TLS 1.3 are handed out once: who listens could tell that the two connections are
    /// of one client (RFC 8446, C.4).
    SessionPtr take(const std::string& server);

    void forget(const std::string& server);
    void clear();
    std::size_t size() const;

private:
    struct Entry {
        std::string server;
        SessionPtr session;
    };
    using Entries = std::list<Entry>;

    void erase(Entries::iterator entry);

    mutable std::mutex mutex_;
    std::size_t most_;
    Entries entries_;  ///< the last used first
    std::unordered_map<std::string, Entries::iterator> by_server_;
};

}  // namespace plait::detail
