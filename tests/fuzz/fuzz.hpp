// What a fuzz target is made of: the one function it defines, and what it checks with.
// Not a test framework: what does not hold ends the program, which is how libFuzzer learns of it.
#pragma once

#include <string_view>
#include <vector>

#include "plait/reactor/testing/cuts.hpp"

namespace plait::fuzz {

/// Defined by each target: feeds `input` to the parser and checks what comes of it. The input lies in memory of just
/// its size, so that the address sanitizer sees a read beyond it.
void one_input(std::string_view input);

/// Ends the program with a sentence unless `holds`.
void expect(bool holds, std::string_view sentence);

/// The same unless the two texts are equal; shows both.
void expect_same(std::string_view one, std::string_view other, std::string_view sentence);

using testing::Pieces;

/// `input` whole, byte by byte, and cut at random places that depend on nothing but `input`.
std::vector<Pieces> ways_to_cut(std::string_view input);

/// The first line of `input`, without its end, and takes it off: for targets that read several texts.
std::string_view take_line(std::string_view& input);

}  // namespace plait::fuzz
