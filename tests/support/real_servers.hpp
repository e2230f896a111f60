// Marks a Boost.Test binary as one that needs real servers: skipped, with status 77, when PLAIT_NO_SERVERS is set,
// which `tools/test --no-servers` does. Not a switch inside a test: such a binary runs whole or not at all.
//
//     #define BOOST_TEST_MODULE zk_session
//     #include "plait/tests/support/real_servers.hpp"
//     PLAIT_NEEDS_REAL_SERVERS
#pragma once

#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <cstdlib>

namespace plait::support {

struct RealServers {
    RealServers() {
        if (std::getenv("PLAIT_NO_SERVERS") == nullptr) return;
        std::puts("skipped: needs real servers, and PLAIT_NO_SERVERS is set");
        std::fflush(stdout);
        std::_Exit(77);  // What Meson takes for "skipped".
    }
};

}  // namespace plait::support

#define PLAIT_NEEDS_REAL_SERVERS       \
    using plait::support::RealServers; \
    BOOST_TEST_GLOBAL_FIXTURE(RealServers);
