#define BOOST_TEST_MODULE udp_multicast
#include <ifaddrs.h>
#include <net/if.h>

#include <boost/test/unit_test.hpp>

#include "plait/tests/reactor/ipv6_loopback.hpp"
#include "plait/tests/reactor/udp_fixture.hpp"

using namespace plait;
using namespace plait::testing;

namespace {

/// An interface to other machines that knows groups; empty when this machine is alone. What the tests send there goes
/// no further than the machine.
std::string real_interface(int family) {
    ifaddrs* all = nullptr;
    if (::getifaddrs(&all) != 0) return {};
    std::string name;
    for (const ifaddrs* each = all; each != nullptr; each = each->ifa_next) {
        const unsigned wanted = IFF_UP | IFF_RUNNING | IFF_MULTICAST;
        if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != family) continue;
        if ((each->ifa_flags & (wanted | IFF_LOOPBACK)) == wanted) name = each->ifa_name;
    }
    ::freeifaddrs(all);
    return name;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(udp_multicast, UdpFixture)

BOOST_AUTO_TEST_CASE(members_of_a_group_get_what_is_sent_to_it_until_they_leave) {
    const auto first = listen_udp(reactor, {"239.255.71.1", 0}, a, {.reuse_address = true});
    const Address group = first->host();
    const auto second = listen_udp(reactor, group, b, {.reuse_address = true});
    first->join_group(group.ip, "lo");
    second->join_group(group.ip, "127.0.0.1");

    const auto sender = open(std::make_shared<DatagramRecorder>());
    sender->set_multicast_interface("lo");
    sender->set_multicast_ttl(0);
    sender->set_multicast_loopback(true);
    sender->write("all", group);
    wait([&] { return a->has("all") && b->has("all"); });

    first->leave_group(group.ip, "lo");
    second->leave_group(group.ip, "127.0.0.1");
    sender->write("nobody", group);
    settle(reactor);
    BOOST_TEST(!a->has("nobody"));
    BOOST_TEST(!b->has("nobody"));
}

BOOST_AUTO_TEST_CASE(without_loopback_this_machine_gets_nothing) {
    const std::string interface = real_interface(AF_INET);
    if (interface.empty()) {
        BOOST_TEST_MESSAGE("not tested: there is no interface but the loopback one");
        return;
    }
    const auto member = listen_udp(reactor, {"239.255.71.2", 0}, a);
    member->join_group(member->host().ip, interface);
    const auto sender = listen_udp(reactor, {"", 0}, b);
    sender->set_multicast_interface(interface);
    sender->set_multicast_ttl(0);
    sender->set_multicast_loopback(false);
    sender->write("unheard", member->host());
    settle(reactor);
    sender->set_multicast_loopback(true);
    sender->write("heard", member->host());
    wait_for(*a, "heard");
    BOOST_TEST(a->story() == "start heard");
}

BOOST_AUTO_TEST_CASE(ipv6_groups) {
    const std::string interface = real_interface(AF_INET6);
    if (interface.empty()) {
        BOOST_TEST_MESSAGE("not tested: there is no IPv6 interface but the loopback one");
        return;
    }
    const auto member = listen_udp(reactor, {"::", 0}, a);
    member->join_group("ff01::4711", interface);
    const auto sender = listen_udp(reactor, {"::", 0}, b);
    sender->set_multicast_interface(interface);
    sender->set_multicast_ttl(0);
    sender->set_multicast_loopback(true);
    const Address group{"ff01::4711", member->host().port};
    sender->write("six", group);
    wait_for(*a, "six");
    member->leave_group("ff01::4711", interface);
    sender->write("left", group);
    settle(reactor);
    BOOST_TEST(!a->has("left"));
    BOOST_CHECK_THROW(member->leave_group("ff01::4711", interface), DatagramError);
}

BOOST_AUTO_TEST_CASE(what_is_no_group_or_no_interface_is_refused_by_name) {
    const auto port = open(a);
    const auto refused = [&](const std::string& group, const std::string& interface, std::string_view why) {
        BOOST_CHECK_EXCEPTION(port->join_group(group, interface), DatagramError,
                              [&](const auto& e) { return says(e, why); });
    };
    refused("all.example", "", "a group is a numeric address");
    refused("10.0.0.1", "", "cannot join the group 10.0.0.1: IPv4 groups are");
    refused("::1", "", "IPv6 groups begin with ff");
    refused("ff02::1", "lo", "the port is an IPv4 one");
    refused("239.1.1.1", "nosuch0", "no network interface \"nosuch0\"");
    BOOST_CHECK_THROW(port->leave_group("239.1.1.1", "lo"), DatagramError);
    BOOST_CHECK_THROW(port->set_multicast_ttl(256), DatagramError);
    BOOST_CHECK_THROW(port->set_multicast_interface("nosuch0"), BadDatagramAddress);
}

BOOST_AUTO_TEST_CASE(an_ipv6_port_joins_no_ipv4_group, *boost::unit_test::precondition(ipv6_loopback)) {
    const auto six = listen_udp(reactor, {"::1", 0}, b);
    BOOST_CHECK_THROW(six->join_group("239.1.1.1", "lo"), BadDatagramAddress);
}

BOOST_AUTO_TEST_CASE(broadcasting_needs_to_be_asked_for) {
    const auto everybody = listen_udp(reactor, {"", 0}, a);
    const Address all{"127.255.255.255", everybody->host().port};
    const auto quiet = open(b);
    quiet->write("psst", all);
    wait_for(*b, "failed to " + all.str());
    BOOST_TEST(says(std::runtime_error(b->last_failure), "UdpOptions::broadcast"));
    BOOST_TEST(quiet->counters().refused == 1u);

    const auto loud = open(std::make_shared<DatagramRecorder>(), {.broadcast = true});
    loud->write("hear hear", all);
    wait_for(*a, "hear hear");
}

BOOST_AUTO_TEST_CASE(a_port_may_be_shared_when_all_ask_for_it) {
    const auto first = open(a, {.reuse_port = true});
    BOOST_CHECK_EXCEPTION(listen_udp(reactor, first->host(), b), CannotListen,
                          [&](const auto& e) { return says(e, first->host().str()) && says(e, "another program"); });
    const auto second = listen_udp(reactor, first->host(), b, {.reuse_port = true});
    BOOST_TEST((second->host() == first->host()));
}

BOOST_AUTO_TEST_SUITE_END()
