#include "plait/reactor/testing/memory_network.hpp"

#include <algorithm>
#include <list>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "plait/deferred/unhandled.hpp"
#include "plait/reactor/detail/memory_link.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/testing/memory_transport.hpp"

namespace plait::testing {
namespace {

constexpr std::uint16_t first_client_port = 49152;
constexpr std::size_t most_remembered = 10'000;

using Key = std::pair<std::string, std::uint16_t>;

Key key_of(const HostPort& where) {
    return {where.host, where.port};
}

/// A connection, and where its server listens.
struct Link : plait::detail::MemoryLink {
    Link(Key to, std::unique_ptr<MemoryTransport> client, const FaultPlan& faults)
        : MemoryLink(std::move(client), faults), where(std::move(to)) {}
    Key where;
};

struct Attempt {
    HostPort where;
    std::shared_ptr<Protocol> protocol;
    Promise<std::shared_ptr<Protocol>> promise;
};

}  // namespace

struct MemoryNetwork::Impl {
    std::map<Key, std::shared_ptr<Factory>> ports;
    std::set<Key> unresponsive;
    std::map<Key, Failure> refused;
    std::set<Key> unlistenable;
    std::vector<HostPort> attempted;
    FaultPlan faults;
    Clock* clock = nullptr;
    std::list<Attempt> pending;
    std::vector<std::shared_ptr<Link>> links;
    std::size_t bytes_per_step = 0;
    std::size_t attempts = 0;
    std::uint64_t links_made = 0;
    std::uint16_t next_client_port = first_client_port;
    bool destroyed = false;

    bool pump() {
        bool moved = false;
        const auto before = links;  // connections made in this step carry from the next one on
        for (const auto& link : before)
            moved = link->step(bytes_per_step) || moved;
        std::erase_if(links, [](const auto& link) { return !link->open(); });
        moved = settle_attempts() || moved;
        return moved;
    }

    bool settle_attempts() {
        bool moved = false;
        std::list<Attempt> todo = std::exchange(pending, {});
        std::list<Attempt> waiting;
        while (!todo.empty()) {
            std::list<Attempt> one;
            one.splice(one.begin(), todo, todo.begin());
            if (!one.front().promise.wanted()) continue;
            if (unresponsive.contains(key_of(one.front().where))) {
                waiting.splice(waiting.end(), one);
                continue;
            }
            moved = true;
            settle(one.front());
        }
        pending.splice(pending.begin(), waiting);
        return moved;
    }

    void settle(Attempt& attempt) {
        if (const auto refusal = refused.find(key_of(attempt.where)); refusal != refused.end()) {
            const Failure why = refusal->second;
            return attempt.promise.errback(why);
        }
        const auto port = ports.find(key_of(attempt.where));
        if (destroyed || port == ports.end()) {
            attempt.promise.errback(make_failure(ConnectionRefused("cannot connect to " + attempt.where.str() +
                                                                   ": connection refused (nobody listens there)")));
            return;
        }
        const std::shared_ptr<Factory> factory = port->second;
        const Address client{"10.0.0.1", next_client_port};
        const Address server{attempt.where.host, attempt.where.port};
        next_client_port =
            next_client_port == 65535 ? first_client_port : static_cast<std::uint16_t>(next_client_port + 1);

        auto client_end = std::make_unique<MemoryTransport>(attempt.protocol, client, server);
        if (clock != nullptr) client_end->set_clock(*clock);
        const std::optional<Failure> failed = client_end->reason();
        // Each connection has faults of its own, so that what happens on one does not depend on the others.
        FaultPlan own_faults = faults;
        own_faults.seed += links_made++;
        const auto link = std::make_shared<Link>(key_of(attempt.where), std::move(client_end), own_faults);
        links.push_back(link);
        if (failed) {
            attempt.promise.errback(*failed);
        } else {
            attempt.promise.callback(std::move(attempt.protocol));
        }
        if (destroyed) return link->lose(network_destroyed());
        try {
            auto protocol = factory->build_protocol(client);
            if (protocol == nullptr || destroyed) return;
            auto server_end = std::make_unique<MemoryTransport>(std::move(protocol), server, client);
            if (clock != nullptr) server_end->set_clock(*clock);
            link->set_server(std::move(server_end));
        } catch (...) {
            report_unhandled_failure(Failure::current());
        }
    }

    void attempt(const HostPort& where) {
        ++attempts;
        if (attempted.size() == most_remembered) attempted.erase(attempted.begin());
        attempted.push_back(where);
    }

    void destroy() {
        destroyed = true;
        for (Attempt& attempt : std::exchange(pending, {}))
            attempt.promise.errback(make_failure(
                ConnectError("cannot connect to " + attempt.where.str() + ": the memory network was destroyed")));
        for (const auto& link : std::exchange(links, {}))
            link->lose(network_destroyed());
        for (const auto& port : std::exchange(ports, {}))
            port.second->end_use();
    }

    void close_port(const HostPort& where) {
        const auto port = ports.extract(key_of(where));
        if (!port.empty()) port.mapped()->end_use();
    }

    static Failure network_destroyed() { return make_failure(ConnectionAborted("the memory network was destroyed")); }
};

namespace {

template <typename Network>
class MemoryConnector final : public Connector {
public:
    explicit MemoryConnector(std::weak_ptr<Network> network) : network_(std::move(network)) {}

    Deferred<std::shared_ptr<Protocol>> connect(const HostPort& where, std::shared_ptr<Protocol> protocol) override {
        auto [deferred, promise] = make_deferred<std::shared_ptr<Protocol>>();
        if (const auto network = network_.lock()) {
            network->attempt(where);
            network->pending.push_back({where, std::move(protocol), std::move(promise)});
        } else {
            promise.errback(
                make_failure(ConnectError("cannot connect to " + where.str() + ": the memory network was destroyed")));
        }
        return std::move(deferred);
    }

private:
    std::weak_ptr<Network> network_;
};

}  // namespace

MemoryNetwork::MemoryNetwork() : impl_(std::make_shared<Impl>()) {}

MemoryNetwork::~MemoryNetwork() {
    impl_->destroy();
}

void MemoryNetwork::listen(const HostPort& where, std::shared_ptr<Factory> factory) {
    if (impl_->unlistenable.contains(key_of(where)))
        throw CannotListen("cannot listen on " + where.str() + ": address already in use (the test says so)");
    const auto impl = impl_;
    factory->begin_use();
    impl->close_port(where);
    impl->ports[key_of(where)] = std::move(factory);
}

void MemoryNetwork::close_port(const HostPort& where) {
    const auto impl = impl_;
    impl->close_port(where);
}

void MemoryNetwork::set_clock(Clock& clock) {
    impl_->clock = &clock;
}

void MemoryNetwork::set_unresponsive(const HostPort& where, bool unresponsive) {
    if (unresponsive) {
        impl_->unresponsive.insert(key_of(where));
    } else {
        impl_->unresponsive.erase(key_of(where));
    }
}

void MemoryNetwork::refuse_connections(const HostPort& where, const Failure& why) {
    impl_->refused.insert_or_assign(key_of(where), why);
}

void MemoryNetwork::allow_connections(const HostPort& where) {
    impl_->refused.erase(key_of(where));
}

void MemoryNetwork::set_listening_refused(const HostPort& where, bool refused) {
    if (refused) {
        impl_->unlistenable.insert(key_of(where));
    } else {
        impl_->unlistenable.erase(key_of(where));
    }
}

std::vector<HostPort> MemoryNetwork::listening() const {
    std::vector<HostPort> all;
    for (const auto& [where, factory] : impl_->ports)
        all.push_back({where.first, where.second});
    return all;
}

std::vector<HostPort> MemoryNetwork::attempted() const {
    return impl_->attempted;
}

void MemoryNetwork::set_faults(const FaultPlan& plan) {
    impl_->faults = plan;
}

std::shared_ptr<Connector> MemoryNetwork::connector() {
    return std::make_shared<MemoryConnector<Impl>>(impl_);
}

bool MemoryNetwork::pump() {
    const auto impl = impl_;
    return impl->pump();
}

void MemoryNetwork::flush(int limit) {
    const auto impl = impl_;
    for (int step = 0; step < limit; ++step)
        if (!impl->pump()) return;
    throw std::runtime_error("MemoryNetwork::flush: something still moves after " + std::to_string(limit) +
                             " steps: do two protocols answer each other for ever?");
}

void MemoryNetwork::set_bytes_per_step(std::size_t bytes) {
    impl_->bytes_per_step = bytes;
}

void MemoryNetwork::break_connections(const HostPort& where) {
    const auto links = impl_->links;
    for (const auto& link : links)
        if (link->where == key_of(where)) link->lose_broken();
}

std::size_t MemoryNetwork::open_connections() const noexcept {
    return static_cast<std::size_t>(
        std::count_if(impl_->links.begin(), impl_->links.end(), [](const auto& link) { return link->open(); }));
}

std::vector<std::string> MemoryNetwork::describe() const {
    std::vector<std::string> all;
    for (const auto& link : impl_->links)
        if (link->open()) all.push_back("a connection to " + HostPort{link->where.first, link->where.second}.str());
    for (const Attempt& attempt : impl_->pending)
        if (attempt.promise.wanted()) all.push_back("an attempt to connect to " + attempt.where.str());
    return all;
}

std::size_t MemoryNetwork::attempts() const noexcept {
    return impl_->attempts;
}

}  // namespace plait::testing
