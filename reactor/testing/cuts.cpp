#include "plait/reactor/testing/cuts.hpp"

#include <algorithm>
#include <stdexcept>

#include "plait/reactor/testing/seeded.hpp"

namespace plait::testing {

namespace {
constexpr std::size_t longest_cut_everywhere = 1000;
}  // namespace

Pieces cut_every(std::string_view text, std::size_t size) {
    if (size == 0) throw std::invalid_argument("cut_every: pieces need a size");
    Pieces pieces;
    for (std::size_t at = 0; at < text.size(); at += size)
        pieces.emplace_back(text.substr(at, size));
    return pieces;
}

Pieces cut_at_random(std::string_view text, std::uint64_t seed, std::size_t longest) {
    if (longest == 0) throw std::invalid_argument("cut_at_random: pieces need a size");
    Seeded random(seed);
    Pieces pieces;
    for (std::size_t at = 0; at < text.size();) {
        pieces.emplace_back(text.substr(at, static_cast<std::size_t>(random.between(1, longest))));
        at += pieces.back().size();
    }
    return pieces;
}

std::vector<Pieces> ways_to_cut(std::string_view text, std::uint64_t seed, int random) {
    std::vector<Pieces> ways{cut_every(text, std::max<std::size_t>(text.size(), 1)), cut_every(text, 1)};
    if (text.size() <= longest_cut_everywhere)
        for (std::size_t at = 1; at < text.size(); ++at)
            ways.push_back({std::string(text.substr(0, at)), std::string(text.substr(at))});
    for (int i = 0; i < random; ++i)
        ways.push_back(cut_at_random(text, seed + static_cast<std::uint64_t>(i)));
    return ways;
}

}  // namespace plait::testing
