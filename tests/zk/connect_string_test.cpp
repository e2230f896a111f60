#define BOOST_TEST_MODULE zk_connect_string

#include <boost/test/unit_test.hpp>

#include "plait/zk/connect_string.hpp"
#include "plait/zk/error.hpp"

using plait::HostPort;
using plait::zk::BadArguments;
using plait::zk::ConnectString;

BOOST_AUTO_TEST_CASE(hosts_ports_and_the_chroot_are_read) {
    const auto read = ConnectString::parse("zk1:2181,zk2, 10.0.0.3:2183 ,[::1]:2184,[fe80::1]/app/one");
    const std::vector<HostPort> hosts{
        {"zk1", 2181}, {"zk2", 2181}, {"10.0.0.3", 2183}, {"::1", 2184}, {"fe80::1", 2181}};
    BOOST_TEST((read.hosts == hosts));
    BOOST_TEST(read.chroot == "/app/one");
    BOOST_TEST(read.str() == "zk1:2181,zk2:2181,10.0.0.3:2183,[::1]:2184,[fe80::1]:2181/app/one");
}

BOOST_AUTO_TEST_CASE(a_chroot_of_the_root_is_none) {
    BOOST_TEST(ConnectString::parse("zk1/").chroot == "");
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_quoted) {
    for (const char* text : {"", "   ", "zk1,,zk2", "zk1,", "zk1:", "zk1:port", "zk1:70000", "zk1:0x", "[::1:2181",
                             "zk1/app/", "zk1//app", "zk1/a/../b", "/app", "zk1:-1"}) {
        try {
            ConnectString::parse(text);
            BOOST_ERROR("accepted: " << text);
        } catch (const BadArguments& error) {
            BOOST_TEST(std::string(error.what()).find("'" + std::string(text) + "'") != std::string::npos,
                       error.what());
        }
    }
}
