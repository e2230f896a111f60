#define BOOST_TEST_MODULE reactor_address
#include "plait/reactor/address.hpp"

#include <boost/test/unit_test.hpp>
#include <stdexcept>

using namespace plait;

namespace {

void refused(std::string_view text, std::string_view why, std::optional<std::uint16_t> port = std::nullopt) {
    try {
        const HostPort read = parse_host_port(text, port);
        BOOST_ERROR("accepted " + std::string(text) + " as " + read.str());
    } catch (const std::invalid_argument& error) {
        const std::string_view message = error.what();
        BOOST_TEST(message.find('"' + std::string(text) + '"') != std::string_view::npos, message);
        BOOST_TEST(message.find(why) != std::string_view::npos, message);
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(addresses_print_as_they_are_written) {
    BOOST_TEST((Address{"127.0.0.1", 2181}.str()) == "127.0.0.1:2181");
    BOOST_TEST((Address{"::1", 2181}.str()) == "[::1]:2181");
    BOOST_TEST((Address{"127.0.0.1", 0}.str()) == "127.0.0.1:0");
    BOOST_TEST((Address{"memory", 0}.str()) == "memory");
    BOOST_TEST((HostPort{"zk1.example", 2181}.str()) == "zk1.example:2181");
    BOOST_TEST((HostPort{"::1", 2181}.str()) == "[::1]:2181");
}

BOOST_AUTO_TEST_CASE(hosts_and_ports_are_read) {
    BOOST_TEST((parse_host_port("zk1.example:2181") == HostPort{"zk1.example", 2181}));
    BOOST_TEST((parse_host_port("zk1.example:1", 99) == HostPort{"zk1.example", 1}));
    BOOST_TEST((parse_host_port("zk1", 2181) == HostPort{"zk1", 2181}));
    BOOST_TEST((parse_host_port("[::1]:65535") == HostPort{"::1", 65535}));
    BOOST_TEST((parse_host_port("[::1]", 2181) == HostPort{"::1", 2181}));
    BOOST_TEST((parse_host_port("::1", 2181) == HostPort{"::1", 2181}));
    BOOST_TEST((parse_host_port("[fe80::1%eth0]:1") == HostPort{"fe80::1%eth0", 1}));
}

BOOST_AUTO_TEST_CASE(nonsense_is_refused_with_a_sentence_that_quotes_it) {
    refused("", "empty");
    refused("zk1", "no port");
    refused("::1", "no port");
    refused("[::1]", "no port");
    refused(":2181", "no host");
    refused("zk1:", "1 to 65535");
    refused("zk1:0", "1 to 65535");
    refused("zk1:65536", "1 to 65535");
    refused("zk1:99999999999999999999", "1 to 65535");
    refused("zk1:-1", "1 to 65535");
    refused("zk1:21x", "1 to 65535");
    refused("zk1: 2181", "no spaces");
    refused("zk1/path:2181", "no slashes");
    refused("a:b:c", "more than one colon");
    refused("[::1:2181", "not closed");
    refused("[::1]2181", "may follow the bracket");
    refused("[zk1]:2181", "IPv6");
    refused("[127.0.0.1]:2181", "IPv6");
}

BOOST_AUTO_TEST_CASE(numeric_addresses_are_told_from_names) {
    for (const char* text : {"127.0.0.1", "::1", "fe80::1%eth0", "::ffff:10.0.0.1"})
        BOOST_TEST(is_numeric_address(text), text);
    for (const char* text : {"", "localhost", "1.2.3", "1.2.3.4.5", "256.0.0.1", "127.0.0.1%eth0", "g::1", "1::2::3",
                             "00000000000000000000000000000000000000000000000000000000000000000:1"})
        BOOST_TEST(!is_numeric_address(text), text);
    BOOST_TEST(!is_numeric_address(std::string_view("127.0.0.1\0.example", 18)));
    BOOST_TEST(!is_numeric_address(std::string_view("::1\0", 4)));
}

BOOST_AUTO_TEST_CASE(to_listen_the_port_may_be_left_to_the_system_but_the_host_is_numeric) {
    BOOST_TEST((parse_listen_address("127.0.0.1:0") == Address{"127.0.0.1", 0}));
    BOOST_TEST((parse_listen_address("[::]:8080") == Address{"::", 8080}));
    BOOST_CHECK_THROW(parse_listen_address("localhost:8080"), std::invalid_argument);
    BOOST_CHECK_THROW(parse_listen_address("127.0.0.1"), std::invalid_argument);
    BOOST_CHECK_THROW(parse_listen_address("127.0.0.1:65536"), std::invalid_argument);
}
