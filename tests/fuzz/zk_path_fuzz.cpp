// The first line is a chroot, the rest a path.
#include "plait/tests/fuzz/fuzz.hpp"
#include "plait/zk/path.hpp"

namespace plait::fuzz {

void one_input(std::string_view input) {
    const auto prefix = take_line(input);
    const bool valid = zk::path_problem(input).empty();
    expect(!valid || zk::path_problem(input, true).empty(), "a valid path is one for a sequential node, too");
    if (!prefix.empty() && !zk::path_problem(prefix).empty()) return;
    const zk::Chroot chroot{std::string(prefix)};
    static_cast<void>(chroot.to_client(input));
    if (!valid) return;
    std::string room;
    const auto there = chroot.to_server(input, room);
    expect(zk::path_problem(there).empty(), "the server's name of a valid path is a valid path");
    expect_same(chroot.to_client(there), input, "a path comes back from the server's name");
}

}  // namespace plait::fuzz
