#include "plait/tests/support/temporary_directory.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <system_error>

namespace plait::support {

namespace {

/// The path of a UNIX socket is 107 bytes at most: a directory for tests leaves room for one.
std::filesystem::path short_temporary_path() {
    constexpr std::size_t room_for_tests = 60;
    const char* const shortest = "/tmp";
    const auto usual = std::filesystem::temp_directory_path();
    if (usual.string().size() <= room_for_tests || ::access(shortest, W_OK | X_OK) != 0) return usual;
    return shortest;
}

}  // namespace

TemporaryDirectory::TemporaryDirectory(const std::string& purpose) {
    std::string pattern = (short_temporary_path() / ("plait-" + purpose + "-XXXXXX")).string();
    if (mkdtemp(pattern.data()) == nullptr) {
        throw std::system_error(errno, std::generic_category(), "cannot make a temporary directory like " + pattern);
    }
    path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
    if (std::getenv("PLAIT_KEEP") != nullptr) {
        std::cerr << "kept: " << path_ << '\n';
        return;
    }
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::filesystem::path& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.flush();
    if (!file) throw std::runtime_error("cannot write " + path.string());
}

}  // namespace plait::support
