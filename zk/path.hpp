// Paths: which ones ZooKeeper takes, and the chroot between a client's paths and the server's.
// Not a file path: nothing is normalised, a wrong path is refused.
#pragma once

#include <string>
#include <string_view>

namespace plait::zk {

/// Empty if `path` is valid, else what is wrong with it: "must start with '/'". The server checks only some requests
/// and takes the empty path for the root when reading, so clients check all.
///
/// Valid: "/", or '/' and non-empty components other than "." and ".." between single slashes, in UTF-8 without control
/// characters, surrogates, U+FFF0 to U+FFFF and anything beyond. `sequential`: a trailing slash is allowed, since the
/// server appends a number.
std::string_view path_problem(std::string_view path, bool sequential = false) noexcept;

/// A part of the tree that a client sees as the whole: "/a" and the client's "/b" are the server's "/a/b".
class Chroot {
public:
    /// None.
    Chroot() = default;
    /// Precondition: `prefix` is empty, or a valid path. "/" is none.
    explicit Chroot(std::string prefix);

    const std::string& prefix() const noexcept { return prefix_; }

    /// The server's name for a client's path. Without a chroot `path` itself, else built in `room`.
    /// `sequential`: a number will be appended, so that the root stays apart from the chroot's own name.
    std::string_view to_server(std::string_view path, std::string& room, bool sequential = false) const;

    /// The client's name for a server's path. A path outside the chroot ("/ab" is outside "/a") is returned as it is.
    std::string_view to_client(std::string_view path) const noexcept;

private:
    std::string prefix_;
};

}  // namespace plait::zk
