// Places where two protocols are connected: TCP, UNIX sockets, memory. For tests that hold over all of them.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>

#include "plait/reactor/testing/memory_reactor.hpp"
#include "plait/reactor/unix.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"
#include "plait/tests/support/temporary_directory.hpp"

namespace plait::testing {

/// Two protocols, connected to each other.
struct Ends {
    std::shared_ptr<Recorder> ours = std::make_shared<Recorder>();
    std::shared_ptr<Recorder> theirs = std::make_shared<Recorder>();
};

/// Joins them over sockets of some kind, in one reactor.
class SocketWorld {
public:
    static constexpr bool in_memory = false;

    Reactor reactor;

    void wait(const std::function<bool()>& condition) { run_until(reactor, condition); }
    void settle() { plait::testing::settle(reactor); }

protected:
    std::shared_ptr<Factory> factory() {
        return make_factory([this](const Address&) -> std::shared_ptr<Protocol> { return std::move(next_); });
    }
    template <typename Connect>
    void join(Ends ends, Connect connect) {
        next_ = ends.theirs;
        connect().detach([](const Failure&) {});  // connection_made() may throw
        wait([&] { return !ends.ours->events.empty() && (!ends.theirs->events.empty() || ends.ours->reason); });
    }

private:
    std::shared_ptr<Recorder> next_;
};

class TcpWorld : public SocketWorld {
public:
    void join(Ends ends) {
        SocketWorld::join(ends, [&] { return connect_tcp(reactor, {"127.0.0.1", port->address().port}, ends.ours); });
    }
    std::unique_ptr<ListeningPort> listen(std::shared_ptr<Factory> with) {
        return listen_tcp(reactor, {"127.0.0.1", 0}, std::move(with));
    }
    Deferred<std::shared_ptr<Protocol>> connect(const ListeningPort& to, std::shared_ptr<Protocol> protocol) {
        return connect_tcp(reactor, {"127.0.0.1", to.address().port}, std::move(protocol));
    }

    std::unique_ptr<ListeningPort> port = listen(factory());
};

class UnixWorld : public SocketWorld {
public:
    void join(Ends ends) {
        SocketWorld::join(ends, [&] { return connect_unix(reactor, port->address().ip, ends.ours); });
    }
    std::unique_ptr<ListeningPort> listen(std::shared_ptr<Factory> with) {
        return listen_unix(reactor, directory_.path() / std::to_string(++ports_), std::move(with));
    }
    Deferred<std::shared_ptr<Protocol>> connect(const ListeningPort& to, std::shared_ptr<Protocol> protocol) {
        return connect_unix(reactor, to.address().ip, std::move(protocol));
    }

private:
    support::TemporaryDirectory directory_{"worlds"};
    int ports_ = 0;

public:
    std::unique_ptr<ListeningPort> port = listen(factory());
};

/// Joins them with no system below.
class MemoryWorld {
public:
    static constexpr bool in_memory = true;

    void join(Ends ends) {
        memory_.network.listen(
            {"server", 1},
            make_factory([theirs = ends.theirs](const Address&) -> std::shared_ptr<Protocol> { return theirs; }));
        auto connecting = memory_.network.connector()->connect({"server", 1}, ends.ours);
        memory_.settle();
        std::move(connecting).detach([](const Failure&) {});
    }
    void wait(const std::function<bool()>& condition) {
        memory_.settle();
        if (!condition()) memory_.pass(patience);
        if (!condition()) throw std::runtime_error("waited in vain");
    }
    void settle() { memory_.settle(); }

private:
    MemoryReactor memory_;
};

using StreamWorlds = std::tuple<TcpWorld, UnixWorld, MemoryWorld>;
using SocketWorlds = std::tuple<TcpWorld, UnixWorld>;

/// How often it was told of the end.
inline std::size_t losses(const Recorder& r) {
    return static_cast<std::size_t>(std::count_if(r.events.begin(), r.events.end(),
                                                  [](const std::string& event) { return event.starts_with("lost"); }));
}

/// The two, and the world they are in.
template <typename World>
struct Joined : Ends {
    World world;

    void join() { world.join(*this); }
    void wait(const std::function<bool()>& condition) { world.wait(condition); }
    void wait_lost(const std::shared_ptr<Recorder>& recorder) {
        wait([&] { return recorder->reason.has_value(); });
    }
    void settle() { world.settle(); }
};

}  // namespace plait::testing
