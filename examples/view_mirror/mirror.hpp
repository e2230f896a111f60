// Mirror: one instance of the service: a ZooKeeper session after the other, leading or following in each.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "config_watch.hpp"
#include "leader.hpp"
#include "plait/deferred/deferred.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/tcp.hpp"
#include "plait/zk/client.hpp"
#include "replica.hpp"

namespace view_mirror {

class Election;

struct MirrorOptions {
    std::string zk;
    std::string path = "/view_mirror";
    std::filesystem::path data;
    plait::Address listen{"127.0.0.1", 0};
    std::string name;
    plait::Duration session_timeout = std::chrono::seconds(4);
    plait::Duration connect_timeout = std::chrono::seconds(10);
};

/// Znodes below `path`: `config` (see Config), `checkpoint` (see Checkpoint), `election/` (see Election).
///
/// Lifetime: must outlive the Deferred of `run()`.
class Mirror {
public:
    Mirror(plait::Reactor& reactor, MirrorOptions options);
    ~Mirror();

    /// Runs until something fails for good. A session that expires is replaced by another.
    /// Cancel: closes the session, so that another instance may lead at once, then fails with Cancelled.
    plait::Deferred<> run();

private:
    plait::Deferred<> sessions();
    plait::Deferred<> one_session();
    plait::Deferred<> take_part();
    plait::Deferred<std::string> follow_until_leading();
    plait::Deferred<> close_session();
    std::string status() const;

    plait::Reactor& reactor_;
    MirrorOptions options_;
    Replica replica_;
    std::unique_ptr<plait::ListeningPort> port_;
    std::unique_ptr<plait::zk::Client> zk_;
    std::unique_ptr<ConfigWatch> config_;
    std::unique_ptr<CheckpointNode> node_;
    std::unique_ptr<Election> election_;
    std::unique_ptr<Leader> leader_;
    std::string term_;
    bool connected_once_ = false;
};

}  // namespace view_mirror
