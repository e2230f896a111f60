// A program outside Plait's tree, built against an installed copy with nothing but pkg-config.
#include <plait/couch_async/view/json_text.hpp>
#include <plait/reactor/react.hpp>
#include <plait/zk/connect_string.hpp>

#include <iostream>

int main() {
    return plait::react([](plait::Reactor& reactor) -> plait::Deferred<> {
        co_await reactor.sleep({});  // to the next turn
        const auto ensemble = plait::zk::ConnectString::parse("zk1,zk2:2182/app");
        std::cout << ensemble.str() << ' ' << plait::couch_async::encode_json_string("\"row\"") << '\n';
    });
}
