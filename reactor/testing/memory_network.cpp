#include "plait/reactor/testing/memory_network.hpp"

#include <algorithm>
#include <array>
#include <list>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "plait/deferred/unhandled.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/testing/memory_transport.hpp"

namespace plait::testing {
namespace {

constexpr std::size_t carried_at_once = 64 * 1024;  // when steps are small: what is taken from a writer at a time
constexpr std::uint16_t first_client_port = 49152;

using Key = std::pair<std::string, std::uint16_t>;

Key key_of(const HostPort& where) {
    return {where.host, where.port};
}

/// One connection: two transports and what is between them.
class Link {
public:
    Link(Key where, std::unique_ptr<MemoryTransport> client) : where_(std::move(where)) {
        ends_[0] = std::move(client);
    }

    const Key& where() const noexcept { return where_; }
    bool open() const noexcept { return alive(0) || alive(1); }

    /// Without a server's end the client finds its connection closed.
    void set_server(std::unique_ptr<MemoryTransport> server) { ends_[1] = std::move(server); }

    /// Carries one step in both directions. What the one side writes in answer waits for the next step.
    bool step(std::size_t most) {
        bool moved = false;
        std::array<Bytes, 2> under_way;
        for (int from : {0, 1})
            under_way[index(from)] = load(from, most, moved);
        for (int from : {0, 1})
            carry(from, std::move(under_way[index(from)]), moved);
        for (int from : {0, 1})
            finish(from, moved);
        return moved;
    }

    void lose(const Failure& reason) {
        for (int end : {0, 1})
            if (alive(end)) at(end).lose(reason);
    }
    void lose_broken() {
        for (int end : {0, 1})
            if (alive(end)) at(end).lose_broken();
    }

private:
    struct Way {
        Bytes taken;  ///< from the writer, not yet delivered
        bool ended = false;
    };

    static std::size_t index(int end) noexcept { return static_cast<std::size_t>(end); }
    MemoryTransport& at(int end) const noexcept { return *ends_[index(end)]; }
    bool alive(int end) const noexcept { return ends_[index(end)] != nullptr && !at(end).lost(); }
    /// Reads what is sent to it, or throws it away for good.
    bool accepts(int end) const noexcept { return !alive(end) || at(end).disconnecting() || !at(end).reading_paused(); }

    Bytes load(int from, std::size_t most, bool& moved) {
        Way& way = ways_[index(from)];
        if (alive(from) && at(from).aborted()) return {};
        if (!accepts(1 - from)) return {};
        if (way.taken.empty() && alive(from) && !at(from).written().empty()) {
            way.taken = Bytes::own(at(from).take_written(most == 0 ? std::string::npos : carried_at_once));
            moved = true;
        }
        Bytes next = most == 0 ? way.taken : way.taken.slice(0, most);
        way.taken.remove_prefix(next.size());
        if (way.taken.empty()) way.taken = Bytes();
        return next;
    }

    void carry(int from, Bytes bytes, bool& moved) {
        if (bytes.empty()) return;
        moved = true;
        const int to = 1 - from;
        if (alive(to)) {
            at(to).deliver(std::move(bytes));
        } else if (alive(from) && !at(from).disconnecting()) {
            at(from).lose_broken();  // as a network does: bytes to nobody are answered with a reset
        }
    }

    void finish(int from, bool& moved) {
        const int to = 1 - from;
        if (alive(from) && at(from).aborted()) {
            moved = true;
            at(from).lose(
                make_failure(ConnectionAborted("the connection to " + at(from).peer().str() + " was aborted")));
            if (alive(to)) at(to).lose_broken();
            return;
        }
        Way& way = ways_[index(from)];
        if (!all_sent(from)) return;
        if (!way.ended && alive(to) && !at(to).reading_paused()) {
            way.ended = moved = true;
            at(to).deliver_end();
        }
        const bool both_ended = way.ended && ways_[index(to)].ended;
        if (alive(from) && (at(from).disconnecting() || both_ended)) {
            moved = true;
            at(from).lose_cleanly();
        }
    }

    bool all_sent(int from) const {
        if (!ways_[index(from)].taken.empty()) return false;
        if (!alive(from)) return true;
        const bool closing = at(from).disconnecting() || at(from).write_closed();
        return closing && at(from).written().empty() && !at(from).has_producer();
    }

    Key where_;
    std::array<std::unique_ptr<MemoryTransport>, 2> ends_;
    std::array<Way, 2> ways_;
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
    std::list<Attempt> pending;
    std::vector<std::shared_ptr<Link>> links;
    std::size_t bytes_per_step = 0;
    std::size_t attempts = 0;
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
        const std::optional<Failure> failed = client_end->reason();
        const auto link = std::make_shared<Link>(key_of(attempt.where), std::move(client_end));
        links.push_back(link);
        if (failed) {
            attempt.promise.errback(*failed);
        } else {
            attempt.promise.callback(std::move(attempt.protocol));
        }
        if (destroyed) return link->lose(network_destroyed());
        try {
            auto protocol = factory->build_protocol(client);
            if (protocol != nullptr && !destroyed)
                link->set_server(std::make_unique<MemoryTransport>(std::move(protocol), server, client));
        } catch (...) {
            report_unhandled_failure(Failure::current());
        }
    }

    void destroy() {
        destroyed = true;
        for (Attempt& attempt : std::exchange(pending, {}))
            attempt.promise.errback(make_failure(
                ConnectError("cannot connect to " + attempt.where.str() + ": the memory network was destroyed")));
        for (const auto& link : std::exchange(links, {}))
            link->lose(network_destroyed());
        ports.clear();
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
            ++network->attempts;
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
    impl_->ports[key_of(where)] = std::move(factory);
}

void MemoryNetwork::close_port(const HostPort& where) {
    impl_->ports.erase(key_of(where));
}

void MemoryNetwork::set_unresponsive(const HostPort& where, bool unresponsive) {
    if (unresponsive) {
        impl_->unresponsive.insert(key_of(where));
    } else {
        impl_->unresponsive.erase(key_of(where));
    }
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
        if (link->where() == key_of(where)) link->lose_broken();
}

std::size_t MemoryNetwork::open_connections() const noexcept {
    return static_cast<std::size_t>(
        std::count_if(impl_->links.begin(), impl_->links.end(), [](const auto& link) { return link->open(); }));
}

std::size_t MemoryNetwork::attempts() const noexcept {
    return impl_->attempts;
}

}  // namespace plait::testing
