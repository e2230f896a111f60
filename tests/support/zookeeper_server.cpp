#include "plait/tests/support/zookeeper_server.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <utility>

#include "plait/tests/support/deadline.hpp"
#include "plait/tests/support/loopback.hpp"

namespace plait::support {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const char* const jar = "/usr/share/java/zookeeper.jar";
const char* const packages = "the packages zookeeper and default-jre-headless";

/// Who asks again and again does not wait long for an answer.
constexpr auto short_patience = milliseconds(1000);
/// Who asks once does.
constexpr auto long_patience = milliseconds(20000);

std::string ask(std::uint16_t port, const std::string& word, milliseconds patience) {
    return exchange(port, word, patience).value_or("");
}

/// `ruok` is answered too early: a server that serves names its mode.
bool serves(std::uint16_t port) {
    return ask(port, "srvr", short_patience).find("Mode: ") != std::string::npos;
}

/// Small and quick to start: these servers live for seconds and hold little.
std::vector<std::string> java_command(const std::vector<std::string>& more) {
    std::vector<std::string> command{"java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"};
    command.emplace_back("-Dfile.encoding=UTF-8");
    command.emplace_back("-Dznode.container.checkIntervalMs=100");
    command.emplace_back("-Dzookeeper.DigestAuthenticationProvider.superDigest=super:D/InIHSb7yEEbrWz8b9l71RjZJU=");
    command.insert(command.end(), more.begin(), more.end());
    command.insert(command.end(), {"-cp", jar, "org.apache.zookeeper.server.quorum.QuorumPeerMain"});
    return command;
}

std::string common_settings(const ZooKeeperOptions& options, const std::filesystem::path& data) {
    std::string text = "tickTime=" + std::to_string(options.tick.count()) + "\ndataDir=" + data.string() +
                       "\nadmin.enableServer=false\n4lw.commands.whitelist=*\nmaxClientCnxns=0\nforceSync=no\n"
                       "preAllocSize=64\nextendedTypesEnabled=true\n";
    for (const auto& line : options.settings)
        text += line + "\n";
    return text;
}

std::string standalone_settings(const ZooKeeperOptions& options, const std::filesystem::path& data,
                                std::uint16_t port) {
    return common_settings(options, data) + "clientPortAddress=127.0.0.1\nclientPort=" + std::to_string(port) + "\n";
}

ServerPlan plan(std::vector<std::string> command, const std::filesystem::path& directory, std::uint16_t port) {
    if (!std::filesystem::exists(jar)) {
        throw std::runtime_error("ZooKeeper needs " + std::string(jar) + ", which is not here: install " + packages +
                                 " (tools/setup test), or run tools/test --no-servers");
    }
    command.push_back((directory / "zoo.cfg").string());
    return {.name = "ZooKeeper",
            .packages = packages,
            .command = {.arguments = std::move(command), .log = directory / "server.log", .environment = {}},
            .answers = [port] { return serves(port); }};
}

/// Java starts in a fifth of the time with the classes of an earlier run laid out in a file. Made once for a build
/// folder; tests that start meanwhile wait for it.
class ClassArchive {
public:
    static std::vector<std::string> arguments() {
        static const ClassArchive archive;
        if (!std::filesystem::exists(archive.file_)) return {};
        return {"-XX:+IgnoreUnrecognizedVMOptions", "-XX:SharedArchiveFile=" + archive.file_.string(), "-Xlog:disable"};
    }

private:
    ClassArchive() : file_(std::filesystem::path(PLAIT_SUPPORT_BUILD_DIR) / "zookeeper-classes.jsa") {
        if (std::filesystem::exists(file_)) return;
        const int lock = open((file_.string() + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        if (lock < 0) return;
        flock(lock, LOCK_EX);
        if (!std::filesystem::exists(file_)) make();
        close(lock);
    }

    /// Without the archive everything works, slower: a failure here is only said.
    void make() const try {
        const TemporaryDirectory directory("zookeeper-classes");
        const auto port = free_port();
        const auto made = file_.string() + ".new";
        write_file(directory.path() / "zoo.cfg", standalone_settings({}, directory.path() / "data", port));
        ServerProcess server(plan(java_command({"-XX:ArchiveClassesAtExit=" + made}), directory.path(), port));
        server.start();
        // The archive is written at the end. One that is half written must not get the name.
        if (!server.stop(seconds(60))) throw std::runtime_error("it was not written within a minute");
        std::filesystem::rename(made, file_);
    } catch (const std::exception& problem) {
        std::cerr << "no class archive, ZooKeeper will start slowly: " << problem.what() << '\n';
    }

    std::filesystem::path file_;
};

std::vector<std::string> quick_java_command(const ZooKeeperOptions& options) {
    auto more = ClassArchive::arguments();
    more.insert(more.end(), options.java.begin(), options.java.end());
    return java_command(more);
}

ServerPlan standalone_plan(const ZooKeeperOptions& options, const std::filesystem::path& directory,
                           std::uint16_t port) {
    write_file(directory / "zoo.cfg", standalone_settings(options, directory / "data", port));
    return plan(quick_java_command(options), directory, port);
}

struct MemberPorts {
    std::uint16_t client = free_port();
    std::uint16_t quorum = free_port();
    std::uint16_t election = free_port();
};

using EnsemblePorts = std::array<MemberPorts, ZooKeeperEnsemble::size>;

/// Each member has its own copy: the server rewrites it.
std::string member_list(const EnsemblePorts& ports) {
    std::string text;
    int number = 0;
    for (const auto& member : ports) {
        text += "server." + std::to_string(++number) + "=127.0.0.1:" + std::to_string(member.quorum) + ":" +
                std::to_string(member.election) + ":participant;127.0.0.1:" + std::to_string(member.client) + "\n";
    }
    return text;
}

ServerPlan member_plan(const ZooKeeperOptions& options, const std::filesystem::path& directory,
                       const EnsemblePorts& ports, std::size_t member) {
    std::filesystem::create_directories(directory / "data");
    write_file(directory / "data" / "myid", std::to_string(member + 1) + "\n");
    write_file(directory / "zoo.cfg.dynamic", member_list(ports));
    write_file(directory / "zoo.cfg", common_settings(options, directory / "data") +
                                          "initLimit=25\nsyncLimit=10\nstandaloneEnabled=false\ndynamicConfigFile=" +
                                          (directory / "zoo.cfg.dynamic").string() + "\n");
    return plan(quick_java_command(options), directory, ports.at(member).client);
}

}  // namespace

ZooKeeperServer::ZooKeeperServer(const ZooKeeperOptions& options)
    : port_(free_port()), process_(standalone_plan(options, directory_.path(), port_)) {
    process_.start();
}

std::string ZooKeeperServer::four_letter_word(const std::string& word) const {
    return ask(port_, word, long_patience);
}

ZooKeeperEnsemble::ZooKeeperEnsemble(const ZooKeeperOptions& options) {
    const EnsemblePorts ports;
    for (std::size_t member = 0; member < size; ++member) {
        const auto directory = directory_.path() / std::to_string(member);
        members_.push_back({ports.at(member).client, ServerProcess(member_plan(options, directory, ports, member))});
        members_.back().process.launch();
    }
    for (auto& member : members_)
        member.process.wait_until_it_answers();
}

std::string ZooKeeperEnsemble::addresses() const {
    std::string text;
    for (const auto& member : members_)
        text += (text.empty() ? "127.0.0.1:" : ",127.0.0.1:") + std::to_string(member.port);
    return text;
}

std::size_t ZooKeeperEnsemble::leader() const {
    std::optional<std::size_t> found;
    wait_until("ZooKeeper's ensemble to elect a leader", seconds(60), [this, &found] {
        for (std::size_t member = 0; member < size && !found; ++member) {
            if (ask(port(member), "srvr", short_patience).find("Mode: leader") != std::string::npos) found = member;
        }
        return found.has_value();
    });
    return *found;
}

std::string ZooKeeperEnsemble::four_letter_word(std::size_t member, const std::string& word) const {
    return ask(port(member), word, long_patience);
}

}  // namespace plait::support
