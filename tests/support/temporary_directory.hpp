// A throw-away directory for one test. Not a place for what a later run needs.
#pragma once

#include <filesystem>
#include <string>

namespace plait::support {

/// An empty directory of its own below $TMPDIR, named after `purpose`; below /tmp when that is too long for UNIX
/// sockets.
///
/// The destructor removes it with everything in it, unless PLAIT_KEEP is set in the environment; then its path is
/// printed, for a look at what a failed test left.
class TemporaryDirectory {
public:
    explicit TemporaryDirectory(const std::string& purpose = "test");
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

/// The whole of a file; nothing when it cannot be read.
std::string read_file(const std::filesystem::path& path);

/// Fails: with std::runtime_error that names the file.
void write_file(const std::filesystem::path& path, const std::string& text);

}  // namespace plait::support
