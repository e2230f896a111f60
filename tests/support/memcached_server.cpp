#include "plait/tests/support/memcached_server.hpp"

#include <unistd.h>

#include <filesystem>
#include <utility>

#include "plait/tests/support/loopback.hpp"

namespace plait::support {

namespace {

/// A request without body in the binary protocol, 24 bytes: magic 0x80, then the code of "no operation" or "quit".
std::string binary_request(char code) {
    std::string request(24, '\0');
    request[0] = '\x80';
    request[1] = code;
    return request;
}

bool answers_in_binary(std::uint16_t port) {
    const auto answer = exchange(port, binary_request('\x0a') + binary_request('\x07'), std::chrono::seconds(1));
    return answer && answer->starts_with('\x81');
}

ServerPlan memcached_plan(const std::vector<std::string>& more, const std::filesystem::path& directory,
                          std::uint16_t port) {
    std::vector<std::string> command{"memcached", "-l", "127.0.0.1", "-p", std::to_string(port), "-U", "0", "-vv"};
    if (geteuid() == 0) command.insert(command.end(), {"-u", "nobody"});
    command.insert(command.end(), more.begin(), more.end());
    return {.name = "memcached",
            .packages = "the package memcached",
            .command = {.arguments = std::move(command), .log = directory / "server.log", .environment = {}},
            .answers = [port] { return answers_in_binary(port); }};
}

}  // namespace

MemcachedServer::MemcachedServer(const std::vector<std::string>& arguments)
    : port_(free_port()), process_(memcached_plan(arguments, directory_.path(), port_)) {
    process_.start();
}

}  // namespace plait::support
