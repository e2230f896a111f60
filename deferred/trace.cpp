#include "plait/deferred/trace.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "plait/deferred/detail/trace_lines.hpp"
#include "plait/deferred/detail/trace_registry.hpp"

namespace plait {

namespace {

constexpr std::size_t longest_line = 16;

/// Chains by index, each with those it waits for.
class Tree {
public:
    explicit Tree(const std::vector<PendingChain>& chains) : chains_(chains), children_(chains.size()) {
        std::unordered_map<std::uint64_t, std::size_t> index;
        for (std::size_t i = 0; i < chains.size(); ++i)
            index.emplace(chains[i].id, i);
        std::vector<bool> has_parent(chains.size(), false);
        auto join = [&](std::size_t parent, std::size_t child) {
            if (has_parent[child]) return;
            has_parent[child] = true;
            children_[parent].push_back(child);
        };
        for (std::size_t i = 0; i < chains.size(); ++i)
            if (auto found = index.find(chains[i].waits_for); found != index.end()) join(i, found->second);
        for (std::size_t i = 0; i < chains.size(); ++i)
            if (auto found = index.find(chains[i].part_of); found != index.end()) join(found->second, i);
        for (std::size_t i = 0; i < chains.size(); ++i)
            if (!has_parent[i]) roots_.push_back(i);
    }

    std::size_t roots() const noexcept { return roots_.size(); }

    std::string text(std::size_t most_lines) const {
        std::string text;
        std::size_t lines = 0;
        std::size_t shown = 0;
        std::vector<Place> rest;
        std::vector<bool> seen(chains_.size(), false);
        for (std::size_t i = roots_.size(); i-- > 0;)
            rest.push_back({roots_[i], 0});
        while (lines < most_lines) {
            if (rest.empty() && !add_circle(seen, rest)) break;
            Place place = rest.back();
            rest.pop_back();
            if (seen[place.index]) continue;
            if (const std::size_t skipped = shorten(place, seen); skipped > 0) {
                text.append(place.depth * 2, ' ').append("... ").append(std::to_string(skipped)).append(" between\n");
                shown += skipped;
                ++lines;
            }
            const std::string indent(place.depth * 2, ' ');
            text.append(indent).append(detail::describe_chain(chains_[place.index], indent)).append("\n");
            ++lines;
            ++shown;
            seen[place.index] = true;
            const auto& below = children_[place.index];
            for (std::size_t i = below.size(); i-- > 0;)
                rest.push_back({below[i], place.depth + 1});
        }
        if (shown < chains_.size())
            text.append("... and ").append(std::to_string(chains_.size() - shown)).append(" more\n");
        return text;
    }

private:
    struct Place {
        std::size_t index;
        std::size_t depth;
    };

    /// Goes to the end of a line of waits that has become too long.
    std::size_t shorten(Place& place, std::vector<bool>& seen) const {
        std::size_t skipped = 0;
        if (place.depth < longest_line) return 0;
        for (; children_[place.index].size() == 1 && !seen[children_[place.index].front()]; ++skipped) {
            seen[place.index] = true;
            place.index = children_[place.index].front();
        }
        return skipped;
    }

    /// Chains that wait for each other hang from no root: begins with any of them.
    static bool add_circle(const std::vector<bool>& seen, std::vector<Place>& rest) {
        const auto left = std::ranges::find(seen, false);
        if (left == seen.end()) return false;
        rest.push_back({static_cast<std::size_t>(left - seen.begin()), 0});
        return true;
    }

    const std::vector<PendingChain>& chains_;
    std::vector<std::vector<std::size_t>> children_;
    std::vector<std::size_t> roots_;
};

}  // namespace

void set_tracing(bool on) noexcept {
    if (on && !tracing()) detail::forget_chains_without_room();
    detail::tracing_on.store(on, std::memory_order_relaxed);
}

bool tracing() noexcept {
    return detail::tracing_enabled();
}

std::vector<PendingChain> pending() {
    return detail::recorded_chains().chains;
}

std::string dump_pending(std::size_t most_lines) {
    const detail::Recorded recorded = detail::recorded_chains();
    std::string text = std::to_string(recorded.chains.size());
    text.append(recorded.chains.size() == 1 ? " chain pending" : " chains pending");
    if (!tracing()) text.append(" (tracing is off)");
    if (recorded.without_room > 0)
        text.append("; ").append(std::to_string(recorded.without_room)).append(" could not be recorded: too many");
    text.append("\n");
    return text.append(Tree(recorded.chains).text(most_lines));
}

}  // namespace plait
