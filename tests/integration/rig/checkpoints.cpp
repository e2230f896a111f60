#include "checkpoints.hpp"

#include <chrono>

#include "checkpoint_node.hpp"
#include "insist.hpp"

namespace rig {

using plait::Deferred;
using view_mirror::Checkpoint;
using namespace std::chrono_literals;

Deferred<Checkpoint> checkpoint_when(plait::Clock& clock, plait::zk::Client& zk,
                                     std::function<bool(const Checkpoint&)> enough) {
    for (;;) {
        auto watched = co_await view_mirror::insist([&zk] { return zk.get_and_watch(checkpoint_path); });
        Checkpoint checkpoint = view_mirror::parse_checkpoint(checkpoint_path, watched.value.data);
        if (enough(checkpoint)) co_return checkpoint;
        std::string what = "the next checkpoint of a mirror";
        co_await plait::with_timeout(clock, std::move(watched.changed), 60s, std::move(what));
    }
}

}  // namespace rig
