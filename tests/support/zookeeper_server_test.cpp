#define BOOST_TEST_MODULE support_zookeeper_server
#include "plait/tests/support/zookeeper_server.hpp"

#include "plait/tests/support/deadline.hpp"
#include "plait/tests/support/real_servers.hpp"

PLAIT_NEEDS_REAL_SERVERS

namespace {

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_server_serves_stops_and_comes_back_on_the_same_port) {
    plait::support::ZooKeeperServer server;
    const auto port = server.port();
    BOOST_TEST(contains(server.four_letter_word("srvr"), "Mode: standalone"));
    BOOST_TEST(contains(server.four_letter_word("conf"), "tickTime=200"));

    server.kill();
    BOOST_TEST(!server.running());
    BOOST_TEST(server.four_letter_word("srvr") == "");

    server.start();
    BOOST_TEST(server.port() == port);
    BOOST_TEST(contains(server.four_letter_word("srvr"), "Mode: standalone"));
    server.restart();
    BOOST_TEST(server.four_letter_word("ruok") == "imok");
}

BOOST_AUTO_TEST_CASE(settings_and_java_arguments_reach_the_server) {
    plait::support::ZooKeeperServer server({.tick = std::chrono::milliseconds(500),
                                            .settings = {"maxSessionTimeout=7000"},
                                            .java = {"-Djute.maxbuffer=4096"}});
    const auto conf = server.four_letter_word("conf");
    BOOST_TEST(contains(conf, "tickTime=500"));
    BOOST_TEST(contains(conf, "maxSessionTimeout=7000"));
}

BOOST_AUTO_TEST_CASE(a_server_that_cannot_start_shows_its_log) {
    BOOST_CHECK_EXCEPTION(plait::support::ZooKeeperServer(
                              {.tick = std::chrono::milliseconds(200), .settings = {"syncLimit=x"}, .java = {}}),
                          std::runtime_error, [](const std::runtime_error& error) {
                              return contains(error.what(), "ZooKeeper ended; the end of its log:");
                          });
}

BOOST_AUTO_TEST_CASE(three_servers_elect_another_leader_when_theirs_is_killed) {
    plait::support::ZooKeeperEnsemble ensemble;
    const auto first = ensemble.leader();
    ensemble.kill(first);
    const auto second = ensemble.leader();
    BOOST_TEST(second != first);
    ensemble.start(first);
    plait::support::wait_until("the former leader to follow", std::chrono::seconds(60),
                               [&] { return contains(ensemble.four_letter_word(first, "srvr"), "Mode: follower"); });
}
