// Runs a target over files, without libFuzzer: a corpus as a regression test, or one input that failed.
//
// usage: fuzz_NAME FOLDER_OR_FILE...
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "plait/tests/fuzz/fuzz.hpp"

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> inputs(int count, char** names) {
    std::vector<fs::path> found;
    for (int i = 1; i < count; ++i) {
        const fs::path path = names[i];
        if (!fs::is_directory(path)) {
            found.push_back(path);
            continue;
        }
        for (const auto& entry : fs::directory_iterator(path))
            if (entry.is_regular_file()) found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
}

void run(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read it");
    // Memory of just its size, as libFuzzer gives it.
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    plait::fuzz::one_input({bytes.data(), bytes.size()});
}

}  // namespace

int main(int count, char** names) {
    const auto found = inputs(count, names);
    for (const auto& path : found) {
        try {
            run(path);
        } catch (const std::exception& error) {
            std::fprintf(stderr, "%s: %s\n", path.c_str(), error.what());
            return 1;
        }
    }
    std::printf("%zu inputs\n", found.size());
    return found.empty() ? 1 : 0;
}
