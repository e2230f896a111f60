// express-pouchdb, a CouchDB-compatible server that nobody here wrote, with its data in memory. Not the embedded view
// server that can misbehave on request: that is couch_async/testing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plait/tests/support/server_process.hpp"
#include "plait/tests/support/temporary_directory.hpp"

namespace plait::support {

/// A server with the databases a test gives it.
///
/// The constructor starts it and waits until it answers; the destructor kills it. The data is in memory: it is gone
/// after stop(), kill() and restart(), the port stays. What its answers look like is written in
/// tests/support/couch/server.js.
class CouchServer {
public:
    CouchServer();

    struct Answer {
        int status;
        std::string body;
    };

    std::uint16_t port() const noexcept { return port_; }

    /// `http://127.0.0.1:PORT`
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

    /// One request, one answer, each on its own connection. `body` is JSON, or empty.
    /// Fails: with std::runtime_error when there is no answer.
    Answer request(const std::string& method, const std::string& path, const std::string& body = "") const;

    /// Fails: with std::runtime_error that shows the answer, for these three.
    void create_database(const std::string& name) const;
    void put(const std::string& path, const std::string& json) const;

    /// Stores documents, given as JSON objects that have an `_id`, in one request.
    void load(const std::string& database, const std::vector<std::string>& documents) const;

    void start() { process_.start(); }
    void stop() { process_.stop(); }
    void kill() { process_.kill(); }
    void restart() { process_.restart(); }
    void pause() { process_.pause(); }
    void resume() { process_.resume(); }
    bool running() { return process_.running(); }
    std::string log() const { return process_.log(); }

private:
    TemporaryDirectory directory_{"couch"};
    std::uint16_t port_;
    ServerProcess process_;
};

}  // namespace plait::support
