#define BOOST_TEST_MODULE support_memcached_server
#include "plait/tests/support/memcached_server.hpp"

#include "plait/tests/support/real_servers.hpp"

PLAIT_NEEDS_REAL_SERVERS

BOOST_AUTO_TEST_CASE(memcached_answers_and_comes_back_on_the_same_port) {
    plait::support::MemcachedServer server;
    BOOST_TEST(server.running());
    server.kill();
    BOOST_TEST(!server.running());
    server.start();
    BOOST_TEST(server.running());
}
