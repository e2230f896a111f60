// deferred.compile_100_chains: processor seconds that the compiler takes for a file with a hundred chains of three
// different callbacks each; with _o2, optimised. Beside it KJ's headers with the same chains, and the limit of three
// seconds. deferred.chain_code_size: what one such chain adds to the object file's code at -O2.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "measure.hpp"

namespace plait::bench {
namespace {

constexpr int rounds = 3;
constexpr int chains = 100;
constexpr double limit_seconds = 3;

class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "plait-bench-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder could be made");
        path_ = name;
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::string operator/(const std::string& name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

struct Library {
    const char* head;
    const char* chain;  ///< K stands for the chain's number
};

constexpr Library plait_library{"#include \"plait/deferred/deferred.hpp\"\nusing namespace plait;\n",
                                "bool chain_K(Deferred<int> start) {\n"
                                "    auto last = std::move(start).add_callback([](int n) { return n + K; })\n"
                                "        .add_callback([](int n) { return long(n) * K; })\n"
                                "        .add_errback([](const Failure&) { return long(K); });\n"
                                "    return last.ready();\n}\n"};
constexpr Library kj_library{"#include <kj/async.h>\n",
                             "bool chain_K(kj::Promise<int> start, kj::WaitScope& scope) {\n"
                             "    auto last = start.then([](int n) { return n + K; })\n"
                             "        .then([](int n) { return long(n) * K; })\n"
                             "        .catch_([](kj::Exception&&) { return long(K); });\n"
                             "    return last.poll(scope);\n}\n"};

void write_source(const std::string& path, const Library& library, int count) {
    std::ofstream out(path);
    out << library.head;
    for (int i = 0; i < count; ++i)
        for (const char* c = library.chain; *c != '\0'; ++c)
            *c == 'K' ? out << i : out << *c;
    if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

double processor_seconds_of_children() {
    rusage usage{};
    ::getrusage(RUSAGE_CHILDREN, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double compile(const std::string& source, const std::string& options) {
    const double before = processor_seconds_of_children();
    const std::string command =
        PLAIT_COMPILER " -std=c++20 -I'" PLAIT_INCLUDES "' " + options + " -c '" + source + "' -o '" + source + ".o'";
    if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
    return processor_seconds_of_children() - before;
}

/// Bytes of machine code in the object that compile() made.
double code_size(const std::string& source) {
    const std::string command = "size -A '" + source + ".o'";
    FILE* output = ::popen(command.c_str(), "r");
    if (output == nullptr) throw std::runtime_error("failed: " + command);
    double total = 0;
    char line[4096], section[4096];
    double bytes = 0;
    while (std::fgets(line, sizeof line, output) != nullptr)
        if (std::sscanf(line, "%4095s %lf", section, &bytes) == 2 && std::string(section).rfind(".text", 0) == 0)
            total += bytes;
    if (::pclose(output) != 0) throw std::runtime_error("failed: " + command);
    return total;
}

double code_size_of_one(const TemporaryFolder& folder, const Library& library) {
    write_source(folder / "all.cpp", library, chains);
    write_source(folder / "one.cpp", library, 1);
    compile(folder / "all.cpp", "-O2");
    compile(folder / "one.cpp", "-O2");
    return (code_size(folder / "all.cpp") - code_size(folder / "one.cpp")) / (chains - 1);
}

void measure_compiler() {
    ::setenv("CCACHE_DISABLE", "1", 1);
    const TemporaryFolder folder;
    write_source(folder / "plait.cpp", plait_library, chains);
    write_source(folder / "kj.cpp", kj_library, chains);
    const auto medians = interleaved(
        rounds, [&] { return compile(folder / "plait.cpp", "-O0"); }, [&] { return compile(folder / "kj.cpp", "-O0"); },
        [&] { return compile(folder / "plait.cpp", "-O2"); }, [&] { return compile(folder / "kj.cpp", "-O2"); });
    print({"deferred.compile_100_chains", "s", medians[0], limit_seconds, "limit", 1, true});
    print({"deferred.compile_100_chains", "s", medians[0], medians[1], "KJ", 0, true});
    print({"deferred.compile_100_chains_o2", "s", medians[2], limit_seconds, "limit", 1, true});
    print({"deferred.compile_100_chains_o2", "s", medians[2], medians[3], "KJ", 0, true});
    print({"deferred.chain_code_size", "bytes", code_size_of_one(folder, plait_library),
           code_size_of_one(folder, kj_library), "KJ", 0, true});
}

}  // namespace
}  // namespace plait::bench

int main() {
    try {
        plait::bench::measure_compiler();
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "deferred_compile: %s\n", error.what());
        return 1;
    }
}
