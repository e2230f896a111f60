// WatchTable: who waits for which node to change. Decides which watches an event fires; sends nothing.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "plait/deferred/deferred.hpp"
#include "plait/zk/types.hpp"

namespace plait::zk::detail {

/// The lists a server keeps, one each for what a client asked about.
enum class WatchKind { data, exist, child };

/// One-shot watches by path, as the server counts them:
///
///     event             fires
///     created           exist, data
///     deleted           data, exist, child: all with the one event
///     data_changed      data, exist
///     children_changed  child
///
/// Paths are the server's. Watches nobody waits for any longer are swept away as the table grows.
/// Everything fired may call back into the table, or end the session that owns it.
class WatchTable {
public:
    void add(WatchKind kind, std::string_view path, Promise<WatchEvent> watch);

    /// Fires what waits for `event` on `path`, in the order it was added. `told` is what the watches are given.
    void fire(EventType type, std::string_view path, const WatchEvent& told);

    /// Fails every watch, those about to be fired too. Called from inside one of them, it fails the rest at once.
    void fail_all(const Failure& failure);

    /// The watches that somebody waits for, for set_watches. The views are valid until the table changes.
    struct Armed {
        std::string_view path;
        WatchKind kind;
    };
    std::vector<Armed> armed();

    /// Watches held, wanted or not.
    std::size_t size() const noexcept { return size_; }

private:
    using List = std::vector<Promise<WatchEvent>>;
    struct Lists {
        List data, exist, child;

        List& of(WatchKind kind) noexcept;
        bool empty() const noexcept { return data.empty() && exist.empty() && child.empty(); }
    };
    struct Hash : std::hash<std::string_view> {
        using is_transparent = void;
    };
    struct Firing {
        Promise<WatchEvent> watch;
        WatchEvent event;
    };

    void queue(List& list, const WatchEvent& event);
    std::size_t sweep(List& list);
    void sweep();

    std::unordered_map<std::string, Lists, Hash, std::equal_to<>> lists_;
    std::deque<Firing> firing_;  // a member, so that fail_all() from inside a callback reaches the rest
    std::size_t size_ = 0;
    std::size_t sweep_at_ = 64;
};

}  // namespace plait::zk::detail
