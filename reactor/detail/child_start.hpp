// Starting a child: the part between the decision and the program's first instruction. Knows no reactor.
// Not fork(): memory is shared until the program runs, so a large parent costs no more than a small one.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace plait::detail {

/// All that the child needs, prepared: between clone and exec nothing may be allocated.
struct ChildPlan {
    struct Descriptor {
        int child;  ///< its number there
        int ours;
    };
    struct Identity {
        std::optional<uid_t> uid;
        std::optional<gid_t> gid;
        std::vector<gid_t> groups;  ///< set along with either
    };

    std::string program;                 ///< as asked for; for messages
    std::vector<std::string> paths;      ///< to try, in order
    std::vector<std::string> arguments;  ///< with the program's name
    std::vector<std::string> environment;
    std::string directory;
    std::vector<Descriptor> descriptors;  ///< in ascending order of `child`
    Identity identity;
    int terminal = -1;  ///< of ours; becomes the session's
    bool new_group = false;
    bool new_session = false;
};

/// Where `program` may be, by `search`, the value of PATH.
std::vector<std::string> program_paths(const std::string& program, const std::string& search);

/// What switching to that user and group takes.
ChildPlan::Identity identity_for(std::optional<uid_t> uid, std::optional<gid_t> gid);

/// Returns: the new child, running its program. Throws SpawnError or a type derived from it.
pid_t start_child(const ChildPlan& plan);

}  // namespace plait::detail
