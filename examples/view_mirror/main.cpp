// view_mirror: keeps a copy of a CouchDB or Couchbase view, as a service of several instances. One of them, elected in
// ZooKeeper, streams; all of them answer. See README.md beside this file.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "config.hpp"
#include "mirror.hpp"
#include "plait/reactor/react.hpp"
#include "plait/zk/connect_string.hpp"
#include "say.hpp"
#include "znodes.hpp"

namespace {

using namespace view_mirror;
using plait::Deferred;
using plait::Reactor;
namespace zk = plait::zk;

constexpr int usage_error = 2;

/// Turns an exception into what CLI11 reports as a bad argument.
template <typename Check>
auto checked(Check check) {
    return CLI::Validator(
        [check](std::string& text) -> std::string {
            try {
                check(text);
                return {};
            } catch (const std::exception& error) {
                return error.what();
            }
        },
        "");
}

plait::Duration seconds(double count) {
    return std::chrono::duration_cast<plait::Duration>(std::chrono::duration<double>(count));
}

struct Arguments {
    MirrorOptions mirror;
    std::string listen = "127.0.0.1:0";
    std::string data;
    double session_seconds = 4;
    double connect_seconds = 10;
    std::string configuration;
};

void add_common(CLI::App& app, Arguments& arguments) {
    app.add_option("--zk", arguments.mirror.zk, "ZooKeeper: host:port,...[/chroot]")
        ->required()
        ->check(checked([](const std::string& text) { zk::ConnectString::parse(text); }));
    app.add_option("--path", arguments.mirror.path, "znode of this mirror")->capture_default_str();
    app.add_option("--connect-timeout", arguments.connect_seconds, "seconds to find a ZooKeeper server")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
}

void add_run(CLI::App& app, Arguments& arguments) {
    add_common(app, arguments);
    app.add_option("--data", arguments.data, "folder of the journal, the same for all instances")->required();
    app.add_option("--listen", arguments.listen, "address to answer on")
        ->check(checked([](const std::string& text) { plait::parse_listen_address(text); }))
        ->capture_default_str();
    app.add_option("--name", arguments.mirror.name, "this instance, in messages")->required();
    app.add_option("--session-timeout", arguments.session_seconds, "seconds after which a dead instance is replaced")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
}

void add_configure(CLI::App& app, Arguments& arguments) {
    add_common(app, arguments);
    app.add_option("file", arguments.configuration, "the configuration as a JSON file, - for standard input")
        ->required();
}

Deferred<> run_mirror(Reactor& reactor, MirrorOptions options) {
    std::filesystem::create_directories(options.data);
    Mirror mirror(reactor, std::move(options));
    co_await mirror.run();
}

std::string read_text(const std::string& file) {
    if (file == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
    std::ifstream input(file, std::ios::binary);
    if (!input) throw std::runtime_error("cannot read " + file);
    return {std::istreambuf_iterator<char>(input), {}};
}

Deferred<> configure(Reactor& reactor, Arguments arguments) {
    const std::string text = read_text(arguments.configuration);
    Config::parse(text);
    zk::ClientOptions options;
    options.connect_timeout = arguments.mirror.connect_timeout;
    zk::Client client(reactor, arguments.mirror.zk, options);
    co_await client.connect();
    const std::string path = arguments.mirror.path + "/config";
    co_await ensure(client, arguments.mirror.path);
    co_await ensure(client, path);
    co_await client.set(path, text);
    co_await client.close();
}

}  // namespace

int main(int argc, char** argv) try {
    Arguments arguments;
    CLI::App app("Keeps a copy of a CouchDB or Couchbase view, and answers from it.");
    app.require_subcommand(1);
    auto& run = *app.add_subcommand("run", "run one instance until Ctrl-C");
    auto& set = *app.add_subcommand("configure", "write the configuration into ZooKeeper");
    add_run(run, arguments);
    add_configure(set, arguments);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : usage_error;
    }

    auto& mirror = arguments.mirror;
    mirror.listen = plait::parse_listen_address(arguments.listen);
    mirror.data = arguments.data;
    mirror.session_timeout = seconds(arguments.session_seconds);
    mirror.connect_timeout = seconds(arguments.connect_seconds);
    set_speaker(mirror.name);
    if (set.parsed()) return plait::react([&](Reactor& reactor) { return configure(reactor, arguments); });
    return plait::react([&](Reactor& reactor) { return run_mirror(reactor, mirror); });
} catch (const std::exception& error) {
    std::fprintf(stderr, "view_mirror: %s\n", error.what());
    return 1;
}
