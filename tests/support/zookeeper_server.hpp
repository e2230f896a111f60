// Debian's ZooKeeper, started by a test on a free loopback port with a throw-away data directory. Not a fake: for what
// must be tested without a server there are zk/testing and the memory transport.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "plait/tests/support/server_process.hpp"
#include "plait/tests/support/temporary_directory.hpp"

namespace plait::support {

struct ZooKeeperOptions {
    /// Sessions last from two to twenty ticks, whatever the client asks for.
    std::chrono::milliseconds tick{200};
    /// More lines of zoo.cfg.
    std::vector<std::string> settings;
    /// More arguments for Java, such as `-Dreadonlymode.enabled=true`.
    std::vector<std::string> java;
};

/// One standalone server: TTL nodes and containers work, four-letter words are allowed, `super:test` is the super user.
///
/// The constructor starts it and waits until it serves; the destructor kills it and removes its data. Port and data
/// stay over stop(), kill(), start() and restart().
class ZooKeeperServer {
public:
    explicit ZooKeeperServer(const ZooKeeperOptions& options = {});

    std::uint16_t port() const noexcept { return port_; }
    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

    void start() { process_.start(); }
    void stop() { process_.stop(); }
    void kill() { process_.kill(); }
    void restart() { process_.restart(); }
    void pause() { process_.pause(); }
    void resume() { process_.resume(); }
    bool running() { return process_.running(); }
    std::string log() const { return process_.log(); }

    /// What the server says to `srvr`, `cons`, `wchs` and the like; empty when it does not answer.
    std::string four_letter_word(const std::string& word) const;

private:
    TemporaryDirectory directory_{"zookeeper"};
    std::uint16_t port_;
    ServerProcess process_;
};

/// Three servers that form a quorum. As ZooKeeperServer otherwise.
class ZooKeeperEnsemble {
public:
    explicit ZooKeeperEnsemble(const ZooKeeperOptions& options = {});

    static constexpr std::size_t size = 3;

    /// `127.0.0.1:…,127.0.0.1:…,127.0.0.1:…`
    std::string addresses() const;
    std::uint16_t port(std::size_t member) const { return members_.at(member).port; }

    /// Which member leads. Fails: with std::runtime_error when none does within a minute.
    std::size_t leader() const;

    /// start() waits until the member serves, which takes a quorum; launch() does not wait.
    void start(std::size_t member) { members_.at(member).process.start(); }
    void launch(std::size_t member) { members_.at(member).process.launch(); }
    void stop(std::size_t member) { members_.at(member).process.stop(); }
    void kill(std::size_t member) { members_.at(member).process.kill(); }
    void pause(std::size_t member) { members_.at(member).process.pause(); }
    void resume(std::size_t member) { members_.at(member).process.resume(); }
    bool running(std::size_t member) { return members_.at(member).process.running(); }
    std::string log(std::size_t member) const { return members_.at(member).process.log(); }
    std::string four_letter_word(std::size_t member, const std::string& word) const;

private:
    struct Member {
        std::uint16_t port;
        ServerProcess process;
    };

    TemporaryDirectory directory_{"ensemble"};
    std::vector<Member> members_;
};

}  // namespace plait::support
