// Leader: what the one elected instance does: streams the view from the checkpoint on, batch by batch.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "checkpoint_node.hpp"
#include "config_watch.hpp"
#include "journal.hpp"
#include "plait/couch_async/view/async_view_base.hpp"
#include "plait/deferred/deferred.hpp"
#include "plait/reactor/reactor.hpp"
#include "replica.hpp"

namespace view_mirror {

/// One leadership, from winning the election until it is lost, with the session or to Replaced.
///
/// Each batch of rows is put into the journal, then counted in the checkpoint, and only then is the stream asked for
/// more: `on_rows` returns a Deferred, so a slow disk or ZooKeeper slows the server, not the memory.
///
/// Lifetime: everything passed in must outlive it. Destroying it ends the stream at once.
class Leader {
public:
    struct Surroundings {
        plait::Reactor& reactor;
        CheckpointNode& node;
        ConfigWatch& config;
        Replica& replica;
        std::filesystem::path directory;
        std::string writer;  ///< unique to this leadership
        std::string term;
    };

    explicit Leader(Surroundings surroundings);
    ~Leader();

    /// Mirrors what the configuration says, and again after each change of it. Only ever fails: with Replaced, with the
    /// ZooKeeper client's errors, or with a sentence naming the view when the server cannot give it.
    plait::Deferred<> run();

    /// Starts over with the new configuration. A batch under way is finished first, or done again.
    void config_changed();

private:
    class Stream;

    plait::Deferred<> claim();
    plait::Deferred<> join_segments();
    plait::Deferred<> mirror(Config config);
    plait::Deferred<> stream_once(const Config& config);
    plait::Deferred<> prepare(const Config& config);
    plait::Deferred<> hand_on(plait::couch_async::Rows rows);
    plait::Deferred<> finish();
    plait::Deferred<> wait_for_config();
    std::size_t first_new_row(const plait::couch_async::Rows& rows);
    bool is_mirrored(const plait::couch_async::ViewRow& row);
    void add_to_journal(const plait::couch_async::ViewRow& row, Checkpoint& next);
    Segment& own_segment(Checkpoint& checkpoint);

    Surroundings at_;
    Checkpoint checkpoint_;
    std::unique_ptr<JournalWriter> journal_;
    std::unique_ptr<Stream> stream_;
    plait::Promise<> config_arrived_;
    bool restart_ = false;
    /// About the present stream: whether rows mirrored before may still come, how many of the very last one, in which
    /// order, and how many rows the configured limit leaves.
    bool resuming_ = false;
    std::uint64_t skip_ = 0;
    bool descending_ = false;
    std::uint64_t wanted_ = 0;
};

}  // namespace view_mirror
