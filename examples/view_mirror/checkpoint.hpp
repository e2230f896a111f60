// Checkpoint: how far a mirror has come, as it stands in a znode. Text in, text out: it knows neither ZooKeeper nor
// files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace view_mirror {

/// A journal file and how much of it counts: what a dead leader wrote beyond that never happened.
struct Segment {
    std::string file;
    std::uint64_t bytes = 0;
    std::uint64_t rows = 0;

    friend bool operator==(const Segment&, const Segment&) = default;
};

/// The row after which a stream goes on.
struct Position {
    /// The row's key as JSON text, and its document id.
    std::string key;
    std::string id;
    /// Rows mirrored with just this key and id: a view may emit several, and all come again on resuming.
    std::uint64_t same = 0;

    friend bool operator==(const Position&, const Position&) = default;
};

/// Where a mirror stands. Written with a version check after each batch, so a leader that was replaced cannot write it.
struct Checkpoint {
    /// Which view and query this is about; another source starts afresh.
    std::string source;
    std::optional<Position> last;
    std::vector<Segment> segments;
    bool complete = false;
    /// Who wrote it: an instance's name and its term, unique to one leadership.
    std::string writer;

    std::uint64_t rows() const noexcept;

    /// As JSON, for the znode.
    std::string to_json() const;

    /// Throws std::invalid_argument with a sentence saying what is wrong.
    static Checkpoint parse(std::string_view json);

    friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

}  // namespace view_mirror
