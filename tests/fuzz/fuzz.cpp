#include "plait/tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace plait::fuzz {

namespace {

std::string shown(std::string_view text) {
    std::string said;
    for (const char byte : text) {
        if (byte >= ' ' && byte <= '~') {
            said += byte;
        } else {
            char hex[8];
            std::snprintf(hex, sizeof(hex), "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(byte)));
            said += hex;
        }
    }
    return said;
}

[[noreturn]] void give_up(const std::string& sentence) {
    std::fprintf(stderr, "does not hold: %s\n", sentence.c_str());
    std::abort();
}

// FNV-1a: the same on every machine, so that an input fails everywhere or nowhere.
std::uint32_t hash(std::string_view text) {
    std::uint32_t value = 2166136261U;
    for (const char byte : text)
        value = (value ^ static_cast<unsigned char>(byte)) * 16777619U;
    return value;
}

}  // namespace

void expect(bool holds, std::string_view sentence) {
    if (!holds) give_up(std::string(sentence));
}

void expect_same(std::string_view one, std::string_view other, std::string_view sentence) {
    if (one == other) return;
    give_up(std::string(sentence) + "\n  one:   " + shown(one) + "\n  other: " + shown(other));
}

std::vector<Pieces> ways_to_cut(std::string_view input) {
    return {testing::cut_every(input, std::max<std::size_t>(input.size(), 1)), testing::cut_every(input, 1),
            testing::cut_at_random(input, hash(input))};
}

std::string_view take_line(std::string_view& input) {
    const auto end = input.find('\n');
    const auto line = input.substr(0, end);
    input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
    return line;
}

}  // namespace plait::fuzz
