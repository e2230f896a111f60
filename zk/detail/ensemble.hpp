// Ensemble: finds a server that answers, and keeps one connection to it. Which host next, how long to wait, why each
// failed; not what is said on the connection.
#pragma once

#include <cstddef>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plait/deferred/clock.hpp"
#include "plait/reactor/bytes.hpp"
#include "plait/reactor/connector.hpp"

namespace plait::zk::detail {

struct EnsembleSettings {
    bool shuffle_hosts = true;
    /// For one attempt, from the name look-up to the end of the handshake.
    Duration attempt_timeout = std::chrono::seconds(10);
    /// Between rounds through all hosts: doubled each time, up to the maximum, then shortened by up to half at random
    /// so that clients do not come back all at once.
    Duration retry_delay = std::chrono::milliseconds(100);
    Duration max_retry_delay = std::chrono::seconds(5);
    /// For the last bytes to leave after abandon(); then the connection is aborted.
    Duration farewell = std::chrono::seconds(2);
};

/// What an Ensemble tells its owner. Never from inside a call to the Ensemble, `drop()` included.
class EnsembleEvents {
public:
    virtual void link_made() = 0;
    virtual void link_received(const Bytes& data) = 0;
    /// The connection ended or was not made in time; another is being sought already.
    virtual void link_lost(const std::string& reason) = 0;
    /// After stop(): the connection is gone. The last call.
    virtual void link_stopped() = 0;

protected:
    ~EnsembleEvents() = default;
};

/// Hosts are tried in turn, the first round at once. A lost connection is replaced at once too, at the next host.
///
/// Lifetime: not to be destroyed from inside one of its own calls to its owner; stop() may be called there.
class Ensemble {
public:
    Ensemble(Clock& clock, std::shared_ptr<Connector> connector, std::vector<HostPort> hosts, EnsembleSettings settings,
             EnsembleEvents& events);
    Ensemble(const Ensemble&) = delete;
    Ensemble& operator=(const Ensemble&) = delete;
    ~Ensemble();

    void start();

    /// The server accepted our session: the connection is good.
    void accepted();

    void write(std::span<const Bytes> frames);

    /// Aborts the present connection and seeks another.
    void drop(std::string_view reason);

    /// Seeks no more, and closes the connection in good order within `patience`. link_stopped() follows.
    void stop(Duration patience);

    /// The same without a word: what was written still leaves, if it can within EnsembleSettings::farewell.
    void abandon();

    /// "zk1:2181 (connection refused), zk2:2181 (not tried yet)".
    std::string failures() const;

    /// The server connected to; empty when there is none.
    std::string server() const;

private:
    class Link;
    struct Host {
        HostPort where;
        std::string failure;
    };

    void attempt();
    void attempt_failed(const std::string& reason);
    void attempt_later();
    void let_go_of_link(bool in_good_order);
    void made(Link& link);
    void lost(Link& link, const std::string& reason);

    Clock& clock_;
    std::shared_ptr<Connector> connector_;
    std::vector<Host> hosts_;
    const EnsembleSettings settings_;
    EnsembleEvents& events_;
    std::minstd_rand random_;

    std::size_t next_ = 0;      // host to try next
    std::size_t current_ = 0;   // host tried last
    std::size_t attempts_ = 0;  // since a connection lasted
    bool stopping_ = false;
    bool accepted_ = false;
    TimePoint accepted_at_;
    std::shared_ptr<Link> link_;
    Deferred<> connecting_;
    DelayedCall attempt_timer_;  // the end of an attempt's time, or of stop()'s patience
    DelayedCall retry_timer_;    // the next attempt, or link_stopped()
};

}  // namespace plait::zk::detail
