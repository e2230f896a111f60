// Replica: an instance's own copy in memory of what the checkpoint counts as mirrored, leader or not.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "checkpoint.hpp"
#include "plait/deferred/deferred.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/zk/client.hpp"
#include "store.hpp"

namespace view_mirror {

class Replica {
public:
    /// `directory` holds the journal. Lifetime: the reactor must outlive the Deferreds below, and so must this object.
    Replica(plait::Reactor& reactor, std::filesystem::path directory);

    /// Catches up with `checkpoint` from the journal, a slice a turn. Dropped half way, the next call goes on.
    plait::Deferred<> catch_up(Checkpoint checkpoint);

    /// Catches up with the checkpoint at `path` each time it changes. Only ever fails.
    plait::Deferred<> follow(plait::zk::Client& zk, std::string path);

    /// A row that this instance itself has put into the journal.
    void add(std::string id, std::string row, const Segment& segment);

    const Store& store() const noexcept { return store_; }

    /// The checkpoint last caught up with says that nothing is left to mirror.
    bool complete() const noexcept { return complete_; }

private:
    /// How far a segment is in the store: `bytes` and `rows` are of that part.
    Segment& progress_in(const std::string& file);
    bool starts_with_what_is_loaded(const Checkpoint& checkpoint) const;

    plait::Reactor& reactor_;
    std::filesystem::path directory_;
    Store store_;
    std::vector<Segment> loaded_;
    bool complete_ = false;
};

}  // namespace view_mirror
