// zk.get_window_1000: a thousand gets kept in flight, each answered by a canned reply of 100 bytes of data. The peer is
// the official C client's asynchronous API (libzookeeper_mt). The server is a process of its own, the same for both,
// and does as little as a server can. Prints one line of JSON.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <string>
#include <vector>

#include "plait/reactor/reactor.hpp"
#include "plait/zk/client.hpp"
#include "plait/zk/proto/records.hpp"

namespace {

using plait::zk::proto::Appender;
using plait::zk::proto::load;
using plait::zk::proto::Op;
using plait::zk::proto::Writer;
using namespace std::chrono_literals;

constexpr int window = 1000;
constexpr int ours_calls = 1'000'000;
constexpr int peer_calls = 100'000;
constexpr int repetitions = 7;
constexpr const char* path = "/bench/services/one-of-them";

// ---- the server

std::string framed(const std::string& body) {
    std::string text(4, '\0');
    Writer(text.data()).int32(static_cast<std::int32_t>(body.size()));
    return text + body;
}

std::string hello_reply() {
    std::string body;
    Appender out(body);
    out.int32(0);
    out.int32(30'000);
    out.int64(0x1234);
    out.string(std::string(16, 'p'));
    out.boolean(false);
    return framed(body);
}

/// A reply with the xid left to fill in.
std::string reply(const std::string& fields) {
    std::string body;
    Appender out(body);
    out.int32(0);
    out.int64(77);
    out.int32(0);
    return framed(body + fields);
}

std::string node_fields() {
    std::string fields;
    Appender out(fields);
    out.string(std::string(100, 'd'));
    return fields + std::string(68, '\0');
}

bool send_all(int fd, const std::string& text) {
    for (std::size_t sent = 0; sent < text.size();) {
        const auto count = ::send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (count <= 0) return false;
        sent += static_cast<std::size_t>(count);
    }
    return true;
}

void serve(int fd) {
    const std::string node = reply(node_fields()), empty = reply({});
    std::string in, out;
    std::vector<char> room(1 << 18);
    for (bool hello = true;;) {
        const auto count = ::recv(fd, room.data(), room.size(), 0);
        if (count <= 0) return;
        in.append(room.data(), static_cast<std::size_t>(count));
        std::size_t at = 0;
        out.clear();
        while (in.size() - at >= 4) {
            const auto length = load<std::uint32_t>(in.data() + at);
            if (in.size() - at < 4 + length) break;
            if (hello) {
                out += hello_reply();
                hello = false;
            } else {
                const auto op = static_cast<Op>(load<std::uint32_t>(in.data() + at + 8));
                const auto begin = out.size();
                out += op == Op::get_data ? node : empty;
                std::copy_n(in.data() + at + 4, 4, out.data() + begin + 4);
            }
            at += 4 + length;
        }
        in.erase(0, at);
        if (!send_all(fd, out)) return;
    }
}

/// Forks; the child serves one connection after the other until it is killed.
struct Server {
    Server() {
        const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener, 16) != 0) {
            std::perror("zk_get_window: cannot listen");
            std::exit(1);
        }
        ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
        where = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
        child = ::fork();
        if (child == 0) {
            for (;;) {
                const int fd = ::accept(listener, nullptr, nullptr);
                const int on = 1;
                ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                serve(fd);
                ::close(fd);
            }
        }
        ::close(listener);
    }
    ~Server() {
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
    }

    std::string where;
    pid_t child = 0;
};

// ---- the clients

double per_second(int calls, std::chrono::steady_clock::time_point begin) {
    return calls / std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

struct Ours {
    explicit Ours(plait::zk::Client& client) : zk(client) {}

    void next() {
        if (asked == ours_calls) return;
        ++asked;
        zk.get(path)
            .add_callback([this](const plait::zk::Node& node) {
                bytes += node.data.size();
                if (++answered == ours_calls) done.promise.callback();
                next();
            })
            .detach([](const plait::Failure& failure) {
                std::fprintf(stderr, "zk_get_window: %s\n", failure.message().c_str());
                std::exit(1);
            });
    }

    plait::zk::Client& zk;
    int asked = 0, answered = 0;
    std::uint64_t bytes = 0;
    plait::DeferredPair<plait::Unit> done = plait::make_deferred<>();
};

double measure_ours(const std::string& where) {
    plait::Reactor reactor;
    plait::zk::Client zk(reactor, where);
    reactor.run_until(zk.connect());
    Ours run(zk);
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < window; ++i)
        run.next();
    reactor.run_until(std::move(run.done.deferred));
    const auto result = per_second(ours_calls, begin);
    if (run.bytes != 100ull * ours_calls) std::abort();
    reactor.run_until(zk.close());
    return result;
}

struct Peer {
    zhandle_t* handle = nullptr;
    std::promise<void> connected, done;
    std::atomic<int> asked{0};
    int answered = 0;
    std::uint64_t bytes = 0;
};

void peer_event(zhandle_t*, int type, int state, const char*, void* context) {
    if (type == ZOO_SESSION_EVENT && state == ZOO_CONNECTED_STATE) static_cast<Peer*>(context)->connected.set_value();
}

void peer_answer(int code, const char*, int length, const Stat*, const void* data) {
    auto* peer = const_cast<Peer*>(static_cast<const Peer*>(data));
    if (code != ZOK) std::abort();
    peer->bytes += static_cast<std::uint64_t>(length);
    if (peer->asked < peer_calls) {
        ++peer->asked;
        zoo_aget(peer->handle, path, 0, peer_answer, peer);
    }
    if (++peer->answered == peer_calls) peer->done.set_value();
}

double measure_peer(const std::string& where) {
    Peer peer;
    peer.handle = zookeeper_init(where.c_str(), peer_event, 30'000, nullptr, &peer, 0);
    peer.connected.get_future().wait();
    const auto begin = std::chrono::steady_clock::now();
    peer.asked = window;
    for (int i = 0; i < window; ++i)
        zoo_aget(peer.handle, path, 0, peer_answer, &peer);
    peer.done.get_future().wait();
    const auto result = per_second(peer_calls, begin);
    if (peer.bytes != 100ull * peer_calls) std::abort();
    zookeeper_close(peer.handle);
    return result;
}

double median(std::vector<double> values) {
    std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
    return values[values.size() / 2];
}

}  // namespace

int main() {
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    const Server server;
    std::vector<double> ours, peer;
    for (int i = 0; i < repetitions; ++i) {
        ours.push_back(measure_ours(server.where));
        peer.push_back(measure_peer(server.where));
    }
    std::printf(
        "{\"case\": \"zk.get_window_1000\", \"unit\": \"gets/s\", \"ours\": %.0f, \"peer\": %.0f, "
        "\"peer_name\": \"libzookeeper_mt\", \"goal\": 20}\n",
        median(ours), median(peer));
}
