// Election: one leader among the instances, by ephemeral sequential znodes. Who is first leads; each other watches only
// the one before it.
#pragma once

#include <string>

#include "plait/deferred/deferred.hpp"
#include "plait/zk/client.hpp"

namespace view_mirror {

/// One instance's candidacy, for as long as its session lives.
///
/// Lifetime: the client and the election must outlive the Deferreds.
class Election {
public:
    /// `path` is the parent of the candidates' znodes and must exist.
    Election(plait::zk::Client& zk, std::string path);

    /// Fires when this instance leads, with its term: a number, as text, that only grows from leader to leader.
    /// Fails:  with the client's errors; SessionExpired means that somebody else may lead.
    /// Cancel: stops waiting. The candidacy ends with the session.
    plait::Deferred<std::string> win();

private:
    plait::Deferred<std::string> take_seat();
    plait::Deferred<std::string> find_seat();

    plait::zk::Client& zk_;
    std::string path_;
    /// Marks our znode: a create whose reply was lost must not leave a second one behind.
    std::string mark_;
};

}  // namespace view_mirror
