#include "checkpoint_node.hpp"

#include "insist.hpp"

namespace view_mirror {

using plait::Deferred;
namespace zk = plait::zk;

CheckpointNode::CheckpointNode(zk::Client& zk, std::string path) : zk_(zk), path_(std::move(path)) {}

Checkpoint parse_checkpoint(const std::string& path, std::string_view text) try {
    return text.empty() ? Checkpoint{} : Checkpoint::parse(text);
} catch (const std::invalid_argument& error) {
    throw std::invalid_argument("the znode " + path + " does not hold a checkpoint (" + error.what() +
                                "): delete it to mirror afresh");
}

Deferred<Checkpoint> CheckpointNode::read() {
    const zk::Node node = co_await insist([this] { return zk_.get(path_); });
    version_ = node.stat.version;
    co_return parse_checkpoint(path_, node.data);
}

Deferred<> CheckpointNode::write(const Checkpoint& next) {
    const std::string text = next.to_json();
    for (;;) {
        try {
            const zk::Stat stat = co_await zk_.set(path_, text, version_);
            version_ = stat.version;
            co_return;
        } catch (const zk::BadVersion&) {
            throw Replaced("another instance has written " + path_);
        } catch (const zk::ConnectionLoss&) {
            // Written or not? The next lines look.
        }
        const auto seen = version_;
        const Checkpoint found = co_await read();
        if (found == next) co_return;
        if (version_ != seen) throw Replaced("another instance has written " + path_);
    }
}

}  // namespace view_mirror
