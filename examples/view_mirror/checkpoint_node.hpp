// CheckpointNode: the checkpoint in its znode, where two leaders can never both write.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

#include "checkpoint.hpp"
#include "plait/deferred/deferred.hpp"
#include "plait/zk/client.hpp"

namespace view_mirror {

/// Another instance has written the checkpoint since: this one no longer leads.
class Replaced : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Reads and writes the checkpoint znode, and remembers the version it saw.
///
/// Lifetime: the client and this object must outlive the Deferreds.
class CheckpointNode {
public:
    CheckpointNode(plait::zk::Client& zk, std::string path);

    /// What the znode holds; a fresh Checkpoint when it was never written. Repeats itself while connections break.
    /// Fails: with std::invalid_argument, naming the znode, when it holds something else.
    plait::Deferred<Checkpoint> read();

    /// Writes `next` if nobody wrote since we last read or wrote. When the reply is lost it looks whether it was done.
    /// Fails: with Replaced when somebody did.
    plait::Deferred<> write(const Checkpoint& next);

    const std::string& path() const noexcept { return path_; }

private:
    plait::zk::Client& zk_;
    std::string path_;
    std::int32_t version_ = 0;
};

/// Parses what a checkpoint znode holds. Throws std::invalid_argument naming `path`.
Checkpoint parse_checkpoint(const std::string& path, std::string_view text);

}  // namespace view_mirror
