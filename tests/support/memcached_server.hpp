// memcached, started by a test on a free loopback port. Its data is in memory and gone when it stops.
// Not for the ASCII protocol's sake: it speaks the binary protocol that couch_async/kv does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plait/tests/support/server_process.hpp"
#include "plait/tests/support/temporary_directory.hpp"

namespace plait::support {

/// The constructor starts it and waits until it answers; the destructor kills it. The port stays over restart().
class MemcachedServer {
public:
    /// `arguments` are added to memcached's command line.
    explicit MemcachedServer(const std::vector<std::string>& arguments = {});

    std::uint16_t port() const noexcept { return port_; }

    void start() { process_.start(); }
    void stop() { process_.stop(); }
    void kill() { process_.kill(); }
    void restart() { process_.restart(); }
    void pause() { process_.pause(); }
    void resume() { process_.resume(); }
    bool running() { return process_.running(); }
    std::string log() const { return process_.log(); }

private:
    TemporaryDirectory directory_{"memcached"};
    std::uint16_t port_;
    ServerProcess process_;
};

}  // namespace plait::support
