// Looks names up: resolve NAME... prints the addresses of each, in the order to be tried; of "_service._tcp.domain",
// where it is offered.
#include <cstdio>
#include <string>
#include <vector>

#include "plait/reactor/names.hpp"
#include "plait/reactor/react.hpp"

namespace {

plait::Deferred<> look_up(plait::Reactor& reactor, std::string name) {
    if (name.starts_with('_')) {
        const auto places = co_await plait::resolve_service(reactor, name);
        for (const plait::ServiceRecord& place : places)
            std::printf("%s: %s port %d\n", name.c_str(), place.host.c_str(), place.port);
        co_return;
    }
    plait::HostPort where{name, 0};
    const auto addresses = co_await plait::resolve(reactor, std::move(where));
    for (const plait::Address& address : addresses)
        std::printf("%s: %s\n", name.c_str(), address.ip.c_str());
}

plait::Deferred<> look_up_all(plait::Reactor& reactor, std::vector<std::string> names) {
    std::vector<plait::Deferred<>> under_way;  // all at once
    for (const std::string& name : names)
        under_way.push_back(look_up(reactor, name));
    for (plait::Deferred<>& one : under_way)
        co_await std::move(one);
}

}  // namespace

int main(int count, char** arguments) {
    std::vector<std::string> names(arguments + 1, arguments + count);
    if (names.empty()) {
        std::fprintf(stderr, "usage: resolve NAME...\n");
        return 2;
    }
    return plait::react([&](plait::Reactor& reactor) { return look_up_all(reactor, names); });
}
