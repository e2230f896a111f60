// BracketStack: which brackets are open, one bit each. For nesting that outlives a chunk or is deeper than one word
// holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace plait::couch_async::detail {

class BracketStack {
public:
    /// The innermost 64 brackets of a nesting, the last one in the lowest bit: 1 for `[`, 0 for `{`.
    void assign_full_word(std::uint64_t word) {
        words_.assign(1, word);
        depth_ = 64;
    }

    void clear() noexcept {
        words_.clear();
        depth_ = 0;
    }

    std::size_t depth() const noexcept { return depth_; }

    void push(bool square) {
        if (depth_ % 64 == 0) words_.push_back(0);
        words_.back() = words_.back() << 1 | static_cast<std::uint64_t>(square);
        ++depth_;
    }

    /// False when the innermost bracket is of the other kind. Precondition: depth() > 0.
    bool pop(bool square) {
        const bool matches = (words_.back() & 1) == static_cast<std::uint64_t>(square);
        words_.back() >>= 1;
        if (--depth_ % 64 == 0) words_.pop_back();
        return matches;
    }

private:
    std::vector<std::uint64_t> words_;
    std::size_t depth_ = 0;
};

}  // namespace plait::couch_async::detail
