#include "replica.hpp"

#include <boost/json.hpp>

#include "checkpoint_node.hpp"
#include "insist.hpp"
#include "journal.hpp"

namespace view_mirror {

using plait::Deferred;
namespace zk = plait::zk;

namespace {

/// So many rows are read before the loop gets a turn.
constexpr int rows_a_turn = 2000;

std::string id_of(const std::string& row) {
    return std::string(boost::json::parse(row).as_object().at("id").as_string());
}

}  // namespace

Replica::Replica(plait::Reactor& reactor, std::filesystem::path directory)
    : reactor_(reactor), directory_(std::move(directory)) {}

Deferred<> Replica::catch_up(Checkpoint checkpoint) {
    if (!starts_with_what_is_loaded(checkpoint)) {
        store_.clear();
        loaded_.clear();
    }
    int left = rows_a_turn;
    for (const auto& segment : checkpoint.segments) {
        JournalReader reader(directory_, segment, progress_in(segment.file).bytes);
        for (std::string row; reader.next(row);) {
            Segment& progress = progress_in(segment.file);
            progress.bytes += row.size() + 1;
            ++progress.rows;
            std::string id = id_of(row);
            store_.add(std::move(id), row);
            if (--left > 0) continue;
            left = rows_a_turn;
            co_await reactor_.sleep(plait::Duration::zero());
        }
    }
    complete_ = checkpoint.complete;
}

Deferred<> Replica::follow(zk::Client& zk, std::string path) {
    for (;;) {
        auto watched = co_await insist([&zk, &path] { return zk.get_and_watch(path); });
        Checkpoint checkpoint = parse_checkpoint(path, watched.value.data);
        co_await catch_up(std::move(checkpoint));
        co_await std::move(watched.changed);
    }
}

void Replica::add(std::string id, std::string row, const Segment& segment) {
    Segment& progress = progress_in(segment.file);
    progress.bytes += row.size() + 1;
    ++progress.rows;
    store_.add(std::move(id), std::move(row));
}

Segment& Replica::progress_in(const std::string& file) {
    for (auto& segment : loaded_) {
        if (segment.file == file) return segment;
    }
    return loaded_.emplace_back(Segment{file, 0, 0});
}

bool Replica::starts_with_what_is_loaded(const Checkpoint& checkpoint) const {
    if (loaded_.size() > checkpoint.segments.size()) return false;
    for (std::size_t i = 0; i < loaded_.size(); ++i) {
        const Segment& counted = checkpoint.segments[i];
        if (loaded_[i].file != counted.file || loaded_[i].bytes > counted.bytes) return false;
    }
    return true;
}

}  // namespace view_mirror
