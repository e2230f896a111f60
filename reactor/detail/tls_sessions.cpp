#include "plait/reactor/detail/tls_sessions.hpp"

#include <utility>

namespace plait::detail {

void TlsSessions::keep(const std::string& server, SessionPtr session) {
    const std::lock_guard lock(mutex_);
    if (most_ == 0) return;
    if (const auto found = by_server_.find(server); found != by_server_.end()) erase(found->second);
    if (entries_.size() == most_) erase(std::prev(entries_.end()));
    entries_.push_front({server, std::move(session)});
    by_server_[server] = entries_.begin();
}

SessionPtr TlsSessions::take(const std::string& server) {
    const std::lock_guard lock(mutex_);
    const auto found = by_server_.find(server);
    if (found == by_server_.end()) return nullptr;
    const Entries::iterator entry = found->second;
    SSL_SESSION* session = entry->session.get();
    if (SSL_SESSION_is_resumable(session) == 0) {
        erase(entry);
        return nullptr;
    }
    if (SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION) {
        SessionPtr only = std::move(entry->session);
        erase(entry);
        return only;
    }
    entries_.splice(entries_.begin(), entries_, entry);
    SSL_SESSION_up_ref(session);
    return SessionPtr(session);
}

void TlsSessions::forget(const std::string& server) {
    const std::lock_guard lock(mutex_);
    if (const auto found = by_server_.find(server); found != by_server_.end()) erase(found->second);
}

void TlsSessions::clear() {
    const std::lock_guard lock(mutex_);
    by_server_.clear();
    entries_.clear();
}

std::size_t TlsSessions::size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

void TlsSessions::erase(Entries::iterator entry) {
    by_server_.erase(entry->server);
    entries_.erase(entry);
}

}  // namespace plait::detail
