// ProcessOptions: what a child process is started with: program, arguments, environment, descriptors, terminal.
// Not the starting: see process.hpp.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plait/reactor/unique_fd.hpp"

namespace plait {

/// What one descriptor of the child is. Descriptors that are not named are closed in the child.
class ChildDescriptor {
public:
    /// A pipe that the child reads and we write.
    static ChildDescriptor written() { return {Kind::written, -1, {}}; }
    /// A pipe that the child writes and we read.
    static ChildDescriptor read() { return {Kind::read, -1, {}}; }
    /// Our own descriptor `ours`, shared with the child.
    static ChildDescriptor inherited(int ours) { return {Kind::inherited, ours, {}}; }
    /// /dev/null.
    static ChildDescriptor null() { return {Kind::null, -1, {}}; }
    /// `fd`, which is the child's alone from then on.
    static ChildDescriptor given(UniqueFd fd) { return {Kind::given, fd.get(), std::move(fd)}; }

    enum class Kind : unsigned char { written, read, inherited, null, given };
    Kind kind() const noexcept { return kind_; }
    /// Of `inherited` and `given`.
    int ours() const noexcept { return ours_; }

private:
    ChildDescriptor(Kind kind, int ours, UniqueFd owned) : kind_(kind), ours_(ours), owned_(std::move(owned)) {}

    Kind kind_;
    int ours_;
    UniqueFd owned_;
};

/// 0 written by us, 1 and 2 read by us.
std::map<int, ChildDescriptor> standard_descriptors();

struct WindowSize {
    unsigned short columns = 80;
    unsigned short rows = 24;
};

struct ProcessOptions {
    /// A path, or a name to be found in PATH: the child's, or ours when its environment has none. A relative path is
    /// taken from `working_directory`.
    std::string program;
    /// Without the program's own name.
    std::vector<std::string> arguments = {};
    /// What the program is told that it is called; `program` when empty.
    std::string called = {};

    /// The child has our environment; else only `environment`.
    bool inherit_environment = true;
    /// Variables that are added, or given other values.
    std::map<std::string, std::string> environment = {};
    /// Ours when empty.
    std::string working_directory = {};

    std::map<int, ChildDescriptor> descriptors = standard_descriptors();
    /// Gives the child a terminal of this size in place of `descriptors` 0, 1 and 2, and a session of its own. What it
    /// writes comes as that of 1; what is written to 0 is typed.
    std::optional<WindowSize> terminal = std::nullopt;

    /// Runs it as that user, with the groups of that user, and as that group. For privileged programs.
    std::optional<uid_t> uid = std::nullopt;
    std::optional<gid_t> gid = std::nullopt;

    /// It leads a process group of its own: signals to it reach what it starts, and those of our terminal do not reach
    /// it.
    bool new_group = false;
    /// It leads a session, and a group, of its own.
    bool new_session = false;
};

}  // namespace plait
