// Names: what is found, where it is looked for, and what is said when it is not there, against a server of our own.
#define BOOST_TEST_MODULE names
#include "plait/reactor/names.hpp"

#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <fstream>

#include "plait/deferred/testing/outcomes.hpp"
#include "plait/reactor/detail/hosts_file.hpp"
#include "plait/reactor/detail/name_order.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/tests/reactor/dns_server.hpp"
#include "plait/tests/reactor/ipv6_loopback.hpp"
#include "plait/tests/reactor/open_descriptors.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"
#include "plait/tests/support/temporary_directory.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;
using Mood = DnsServer::Mood;
using Type = DnsServer::Type;

namespace {

struct Fixture {
    Reactor reactor;
    DnsServer dns{reactor};
    NameOptions options = [this] {
        NameOptions made;
        made.servers = {dns.address()};
        made.try_timeout = 5s;  // shorter where a server says nothing of use
        made.tries = 2;
        made.search = std::vector<std::string>();
        made.ndots = 1;
        made.hosts_file.clear();
        return made;
    }();

    void use() { install_resolver(reactor, std::make_shared<NameResolver>(reactor, options)); }

    /// "6::1 10.0.0.1", or what went wrong.
    std::string look_up(const std::string& host, AddressFamily family = AddressFamily::any) {
        use();
        try {
            std::string text;
            for (const Address& address : reactor.run_until(resolve(reactor, {host, 7}, family)))
                text += (text.empty() ? "" : " ") + address.ip;
            return text;
        } catch (const NameError& error) {
            return error.what();
        }
    }

    template <typename E>
    std::string refusal(const std::string& host) {
        use();
        try {
            reactor.run_until(resolve(reactor, {host, 7}));
        } catch (const E& error) {
            return error.what();
        } catch (const std::exception& error) {
            BOOST_ERROR("another failure: " << error.what());
            return error.what();
        }
        BOOST_ERROR("no failure");
        return {};
    }
};

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

/// What cannot be reached from here comes last.
std::string both_loopbacks() {
    return has_ipv6_loopback() ? "::1 127.0.0.1" : "127.0.0.1 ::1";
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(what_is_looked_up_at_the_end_of_a_run_fails_also_without_a_server, Fixture) {
    use();
    Deferred<std::vector<Address>> known;
    Deferred<std::vector<Address>> impossible;
    const SystemEventTrigger last = reactor.add_system_event_trigger(EventPhase::during, "shutdown", [&] {
        known = resolve(reactor, {"localhost", 7});
        impossible = resolve(reactor, {"a..b", 7});
    });
    reactor.call_when_running([this] { reactor.stop(); });
    reactor.run();
    for (Deferred<std::vector<Address>>* const each : {&known, &impossible})
        static_cast<void>(failure_of<NameError>(*each, "the reactor was stopped or destroyed"));
}

BOOST_FIXTURE_TEST_CASE(both_families_are_asked_for_at_once, Fixture) {
    dns.a("db.example", "127.0.0.1");
    dns.a("db.example", "127.0.0.2");
    dns.aaaa("db.example", "::1");
    use();
    const auto found = reactor.run_until(resolve(reactor, {"db.example", 2181}));
    BOOST_TEST(found.size() == 3u);
    for (const Address& address : found)
        BOOST_TEST(address.port == 2181);
    BOOST_TEST(contains(dns.asked, "db.example/28 "));
    BOOST_TEST(contains(dns.asked, "db.example/1 "));
    BOOST_TEST(std::count(dns.asked.begin(), dns.asked.end(), ' ') == 2);
}

BOOST_FIXTURE_TEST_CASE(one_family_alone_can_be_asked_for, Fixture) {
    dns.a("db.example", "127.0.0.1");
    dns.aaaa("db.example", "::1");
    BOOST_TEST(look_up("db.example", AddressFamily::ipv4) == "127.0.0.1");
    BOOST_TEST(look_up("db.example", AddressFamily::ipv6) == "::1");
    BOOST_TEST(dns.asked == "db.example/1 db.example/28 ");
    options.family = AddressFamily::ipv4;
    BOOST_TEST(look_up("db.example") == "127.0.0.1");
    BOOST_TEST(contains(look_up("db.example", AddressFamily::ipv6), "does not look for addresses of that family"));
}

BOOST_FIXTURE_TEST_CASE(numeric_hosts_are_not_looked_up, Fixture) {
    BOOST_TEST(look_up("10.0.0.1") == "10.0.0.1");
    BOOST_TEST(look_up("::1", AddressFamily::ipv6) == "::1");
    BOOST_TEST(contains(look_up("::1", AddressFamily::ipv4), "of the other family"));
    BOOST_TEST(dns.asked == "");
}

BOOST_FIXTURE_TEST_CASE(addresses_are_told_of_as_they_come, Fixture) {
    dns.a("db.example", "127.0.0.1");
    dns.aaaa("db.example", "::1");
    dns.at("db.example", Type::aaaa).delay = 20ms;
    NameResolver resolver(reactor, options);
    std::string told;
    const auto note = [&](const std::vector<std::string>& ips) { told += ips.at(0) + " "; };
    auto done = resolver.look_up("db.example", AddressFamily::any, note);
    BOOST_TEST(told == "");
    run_until(reactor, [&] { return told == "127.0.0.1 "; });
    BOOST_TEST(!done.ready());
    reactor.run_until(std::move(done));
    BOOST_TEST(told == "127.0.0.1 ::1 ");
}

BOOST_FIXTURE_TEST_CASE(a_name_that_does_not_exist_is_not_found, Fixture) {
    BOOST_TEST(refusal<NameNotFound>("nowhere.example") ==
               "cannot find an address for \"nowhere.example\": there is no such name; check the name");
}

BOOST_FIXTURE_TEST_CASE(a_name_without_addresses_is_not_found, Fixture) {
    dns.txt("text.example", {"nothing but text"});
    BOOST_TEST(contains(refusal<NameNotFound>("text.example"), "the name exists, but has none"));
}

BOOST_FIXTURE_TEST_CASE(one_family_is_enough, Fixture) {
    dns.a("four.example", "10.0.0.4");
    dns.aaaa("six.example", "::6");
    BOOST_TEST(look_up("four.example") == "10.0.0.4");
    BOOST_TEST(look_up("six.example") == "::6");
    // also when the server has no good answer for the other one
    for (const Mood mood : {Mood::refuses, Mood::fails, Mood::talks_nonsense}) {
        if (mood == Mood::talks_nonsense) options.try_timeout = 250ms;
        dns.at("four.example", Type::aaaa).mood = mood;
        BOOST_TEST(look_up("four.example") == "10.0.0.4");
    }
}

BOOST_FIXTURE_TEST_CASE(a_silent_server_is_a_timeout, Fixture) {
    dns.mood = Mood::is_silent;
    options.try_timeout = 250ms;
    BOOST_TEST(contains(refusal<NameTimeout>("db.example"), "\"db.example\": no name server answered in time"));
    BOOST_TEST(std::count(dns.asked.begin(), dns.asked.end(), ' ') == 4);  // two families, two tries
}

BOOST_FIXTURE_TEST_CASE(the_limit_for_the_whole_counts, Fixture) {
    dns.mood = Mood::is_silent;
    options.try_timeout = 10s;
    options.timeout = 20ms;
    BOOST_TEST(contains(refusal<NameTimeout>("db.example"), "in time"));
}

BOOST_FIXTURE_TEST_CASE(servers_that_refuse_or_fail_are_no_answer, Fixture) {
    for (const Mood mood : {Mood::refuses, Mood::fails}) {
        dns.mood = mood;
        BOOST_TEST(contains(refusal<NameServerFailed>("db.example"), "cannot find an address for \"db.example\": "));
    }
}

BOOST_FIXTURE_TEST_CASE(a_server_that_is_not_there_is_no_answer, Fixture) {
    const SilentPort silent;
    options.servers = {silent.address};
    BOOST_TEST(contains(refusal<NameServerFailed>("db.example"), "no name server could be asked"));
}

BOOST_FIXTURE_TEST_CASE(the_next_server_is_asked_when_one_is_of_no_use, Fixture) {
    const SilentPort silent;
    DnsServer second(reactor);
    second.a("db.example", "10.0.0.1");
    for (const Mood mood : {Mood::refuses, Mood::fails, Mood::is_silent}) {
        dns.mood = mood;
        if (mood == Mood::is_silent) options.try_timeout = 250ms;
        options.servers = {dns.address(), second.address()};
        BOOST_TEST(look_up("db.example") == "10.0.0.1");
    }
    options.servers = {silent.address, second.address()};
    BOOST_TEST(look_up("db.example") == "10.0.0.1");
}

BOOST_FIXTURE_TEST_CASE(nonsense_and_answers_to_others_are_not_listened_to, Fixture) {
    options.try_timeout = 40ms;
    dns.a("db.example", "10.0.0.1");
    dns.mood = Mood::talks_nonsense;
    BOOST_TEST(contains(refusal<NameError>("db.example"), "cannot find an address for \"db.example\": "));
    dns.mood = Mood::answers_another;
    BOOST_TEST(contains(refusal<NameTimeout>("db.example"), "in time"));
}

BOOST_FIXTURE_TEST_CASE(records_that_make_no_sense_are_no_answer, Fixture) {
    dns.at("db.example", Type::a).records = {"abc"};  // an address of three bytes
    dns.at("db.example", Type::aaaa).records = {std::string(200, 'x')};
    BOOST_TEST(contains(refusal<NameError>("db.example"), "cannot find an address for \"db.example\": "));
}

BOOST_FIXTURE_TEST_CASE(a_long_answer_comes_by_tcp, Fixture) {
    for (int i = 1; i <= 60; ++i)
        dns.a("many.example", "10.0.0." + std::to_string(i));
    dns.at("many.example", Type::a).mood = Mood::truncates;
    const std::string found = look_up("many.example", AddressFamily::ipv4);
    BOOST_TEST(dns.asked_by_tcp == 1);
    BOOST_TEST(std::count(found.begin(), found.end(), ' ') == 59);
}

BOOST_FIXTURE_TEST_CASE(a_very_long_answer_is_cut, Fixture) {
    for (int i = 0; i < 2000; ++i)
        dns.a("many.example", "10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250));
    dns.at("many.example", Type::a).mood = Mood::truncates;
    const std::string found = look_up("many.example", AddressFamily::ipv4);
    BOOST_TEST(std::count(found.begin(), found.end(), ' ') == 255);
}

BOOST_FIXTURE_TEST_CASE(search_domains_complete_short_names, Fixture) {
    options.search = std::vector<std::string>{"one.example", "two.example"};
    dns.aaaa("db.two.example", "::2");
    BOOST_TEST(look_up("db") == "::2");
    BOOST_TEST(contains(dns.asked, "db.one.example/1 "));
    BOOST_TEST(!contains(dns.asked, "db/"));
    dns.asked.clear();
    BOOST_TEST(contains(look_up("web"), "\"web\": there is no such name"));
    BOOST_TEST(contains(dns.asked, "web/1 "));  // at last, as it is
}

BOOST_FIXTURE_TEST_CASE(a_domain_whose_servers_cannot_answer_is_passed_over, Fixture) {
    options.search = std::vector<std::string>{"one.example", "two.example"};
    dns.a("db.two.example", "10.0.0.2");
    for (const Mood mood : {Mood::fails, Mood::refuses}) {
        for (const Type type : {Type::a, Type::aaaa})
            dns.at("db.one.example", type).mood = mood;
        BOOST_TEST(look_up("db") == "10.0.0.2");
    }
    // with no answer from one of them, nobody can say that the name is not there
    for (const Type type : {Type::a, Type::aaaa})
        dns.at("web.one.example", type).mood = Mood::fails;
    BOOST_TEST(contains(refusal<NameServerFailed>("web"), "cannot find an address for \"web\": "));
    BOOST_TEST(contains(dns.asked, "web.two.example/1 "));
    options.search = std::vector<std::string>{"two.example", "one.example"};
    BOOST_TEST(contains(refusal<NameServerFailed>("web"), "cannot find an address for \"web\": "));
}

BOOST_FIXTURE_TEST_CASE(only_so_many_domains_are_tried, Fixture) {
    options.search = std::vector<std::string>();
    for (int i = 0; i < 20; ++i)
        options.search->push_back("d" + std::to_string(i) + ".example");
    refusal<NameNotFound>("db");
    BOOST_TEST(contains(dns.asked, "db.d7.example/1 "));
    BOOST_TEST(!contains(dns.asked, "db.d8.example/"));
}

BOOST_FIXTURE_TEST_CASE(addresses_found_twice_are_given_once_and_ipv6_first, Fixture) {
    dns.a("db.example", "127.0.0.1");
    dns.a("db.example", "127.0.0.1");
    dns.aaaa("db.example", "::1");
    dns.at("db.example", Type::aaaa).delay = 20ms;
    BOOST_TEST(look_up("db.example") == both_loopbacks());
}

BOOST_FIXTURE_TEST_CASE(a_domain_whose_servers_say_nothing_ends_the_look_up, Fixture) {
    options.try_timeout = 40ms;
    options.search = std::vector<std::string>{"one.example", "two.example"};
    for (const Type type : {Type::a, Type::aaaa})
        dns.at("db.one.example", type).mood = Mood::is_silent;
    dns.a("db.two.example", "10.0.0.2");
    refusal<NameTimeout>("db");
    BOOST_TEST(contains(refusal<NameTimeout>("db"), "in time"));
    BOOST_TEST(!contains(dns.asked, "db.two.example/"));
}

BOOST_FIXTURE_TEST_CASE(addresses_of_two_hosts_are_never_mixed, Fixture) {
    options.search = std::vector<std::string>{"one.example", "two.example"};
    dns.a("db.one.example", "10.0.0.1");
    dns.aaaa("db.two.example", "::2");
    BOOST_TEST(look_up("db") == "10.0.0.1");
}

BOOST_FIXTURE_TEST_CASE(names_with_dots_are_asked_for_as_they_are_first, Fixture) {
    options.search = std::vector<std::string>{"example"};
    dns.a("db.one", "10.0.0.1");
    dns.a("db.two.example", "10.0.0.2");
    BOOST_TEST(look_up("db.one") == "10.0.0.1");
    BOOST_TEST(look_up("db.two") == "10.0.0.2");
    options.ndots = 2;
    dns.a("db.one.example", "10.0.0.3");
    BOOST_TEST(look_up("db.one") == "10.0.0.3");
    BOOST_TEST(look_up("db.one.") == "10.0.0.1");  // a dot at the end: complete
}

BOOST_FIXTURE_TEST_CASE(no_server_is_asked_for_what_is_no_name, Fixture) {
    for (const std::string& name :
         {std::string(), std::string("no..such"), std::string(".x"), std::string("a b"), std::string("a\0b", 3),
          std::string("b\xc3\xbc"
                      "cher.example"),
          std::string(64, 'a') + ".example", std::string(300, 'a'), std::string("line\nbreak"), std::string(".")}) {
        BOOST_TEST(contains(refusal<NameNotFound>(name), "it is not a possible name"),
                   name << ": " << refusal<NameNotFound>(name));
    }
    BOOST_TEST(dns.asked == "");
}

BOOST_FIXTURE_TEST_CASE(localhost_is_never_asked_for, Fixture) {
    dns.a("localhost", "10.0.0.1");
    for (const char* name : {"localhost", "LOCALHOST.", "db.localhost"})
        BOOST_TEST(look_up(name) == both_loopbacks());
    BOOST_TEST(look_up("localhost", AddressFamily::ipv4) == "127.0.0.1");
    BOOST_TEST(dns.asked == "");
}

BOOST_FIXTURE_TEST_CASE(the_hosts_file_comes_first, Fixture) {
    const support::TemporaryDirectory folder;
    options.hosts_file = (folder.path() / "hosts").string();
    std::ofstream(options.hosts_file) << "127.0.0.9\tdb db.example # ours\n";
    dns.a("db.example", "10.0.0.1");
    BOOST_TEST(look_up("DB.example.") == "127.0.0.9");
    BOOST_TEST(dns.asked == "");
    // a change counts at once; what it does not know is asked for
    std::ofstream(options.hosts_file) << "";
    BOOST_TEST(look_up("db.example") == "10.0.0.1");
    // of a long one, the first MiB counts
    std::ofstream(options.hosts_file) << std::string(1 << 20, '#') << "\n127.0.0.8 db.example\n";
    BOOST_TEST(look_up("db.example") == "10.0.0.1");
    // what is no file does not block
    options.hosts_file = (folder.path() / "pipe").string();
    BOOST_REQUIRE(::mkfifo(options.hosts_file.c_str(), 0600) == 0);
    BOOST_TEST(look_up("db.example") == "10.0.0.1");
    options.hosts_file = folder.path().string();
    BOOST_TEST(look_up("db.example") == "10.0.0.1");
}

BOOST_AUTO_TEST_CASE(hosts_files_are_read_as_they_come) {
    const auto find = [](std::string_view text, std::string_view host, AddressFamily family = AddressFamily::any) {
        std::string all;
        for (const std::string& ip : plait::detail::find_in_hosts(text, host, family))
            all += ip + " ";
        return all;
    };
    const std::string_view text =
        "# 1.1.1.1 a\r\n1.1.1.2 a b\r\n  ::2   b\tA  \n1.1.1.2 a\nnonsense a\n1.1.1.3\n\n1.1.1.4 #a\n1.1.1.6 x # "
        "a\n1.1.1.5 c";
    BOOST_TEST(find(text, "a") == "1.1.1.2 ::2 ");
    BOOST_TEST(find(text, "B", AddressFamily::ipv6) == "::2 ");
    BOOST_TEST(find(text, "c") == "1.1.1.5 ");
    BOOST_TEST(find(text, "") == "");
    BOOST_TEST(find(text, ".") == "");
    BOOST_TEST(find("", "a") == "");
    std::string many;
    for (int i = 0; i < 200; ++i)
        many += "10.0.0." + std::to_string(i) + " a\n";
    BOOST_TEST(plait::detail::find_in_hosts(many, "a", AddressFamily::any).size() == 64u);
}

BOOST_FIXTURE_TEST_CASE(services_come_in_the_order_to_be_tried, Fixture) {
    dns.srv("_db._tcp.example", 20, 0, 4003, "c.example");
    dns.srv("_db._tcp.example", 10, 1, 4001, "a.example");
    dns.srv("_db._tcp.example", 5, 1, 4000, "first.example");
    use();
    const auto found = reactor.run_until(resolve_service(reactor, "_db._tcp.example"));
    BOOST_REQUIRE(found.size() == 3u);
    BOOST_TEST(found[0].host == "first.example");
    BOOST_TEST(found[0].port == 4000);
    BOOST_TEST(found[1].host == "a.example");
    BOOST_TEST(found[2].host == "c.example");
}

BOOST_FIXTURE_TEST_CASE(a_service_may_be_missing_or_not_offered, Fixture) {
    use();
    BOOST_CHECK_THROW(reactor.run_until(resolve_service(reactor, "_no._tcp.example")), NameNotFound);
    dns.srv("_off._tcp.example", 0, 0, 0, "");
    BOOST_CHECK_EXCEPTION(
        reactor.run_until(resolve_service(reactor, "_off._tcp.example")), NameNotFound,
        [](const NameNotFound& error) { return contains(error.what(), "says that it is not offered"); });
}

BOOST_AUTO_TEST_CASE(addresses_without_a_route_come_last) {
    std::vector<Address> addresses{{"255.255.255.255", 1}, {"127.0.0.1", 1}, {"127.0.0.2", 1}};
    plait::detail::order_addresses(addresses);
    std::string order;
    for (const Address& address : addresses)
        order += address.ip + " ";
    BOOST_TEST(order == "127.0.0.1 127.0.0.2 255.255.255.255 ");
}

BOOST_AUTO_TEST_CASE(weights_decide_how_often_a_service_is_first) {
    std::vector<ServiceRecord> services{{"heavy", 1, 0, 3}, {"light", 1, 0, 1}, {"spare", 1, 9, 5}, {"zero", 1, 0, 0}};
    std::map<std::string, int> first;
    for (std::uint32_t number = 0; number <= 4; ++number) {
        auto ordered = services;
        plait::detail::order_services(ordered, [number](std::uint32_t most) { return std::min(number, most); });
        ++first[ordered[0].host];
        BOOST_TEST(ordered[3].host == "spare");
    }
    BOOST_TEST(first["zero"] == 1);  // RFC 2782: a small chance
    BOOST_TEST(first["heavy"] == 3);
    BOOST_TEST(first["light"] == 1);
    first.clear();
    for (int i = 0; i < 4000; ++i) {
        auto ordered = services;
        plait::detail::order_services(ordered, plait::detail::random_up_to);
        ++first[ordered[0].host];
    }
    BOOST_TEST(first["heavy"] > first["light"]);
    BOOST_TEST(first["light"] > 100);
}

BOOST_FIXTURE_TEST_CASE(texts_and_names_of_addresses_are_found, Fixture) {
    NameResolver resolver(reactor, options);
    dns.txt("info.example", {"one ", "text"});
    dns.txt("info.example", {"another"});
    const auto texts = reactor.run_until(resolver.look_up_texts("info.example"));
    BOOST_TEST(texts == (std::vector<std::string>{"one text", "another"}), boost::test_tools::per_element());
    dns.ptr("4.3.2.10.in-addr.arpa", "db.example");
    BOOST_TEST(reactor.run_until(resolver.look_up_name("10.2.3.4")) == "db.example");
    dns.ptr("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", "six.example");
    BOOST_TEST(reactor.run_until(resolver.look_up_name("::1")) == "six.example");
    BOOST_CHECK_THROW(reactor.run_until(resolver.look_up_name("db.example")), NameNotFound);
    BOOST_CHECK_THROW(reactor.run_until(resolver.look_up_texts("none.example")), NameNotFound);
}

BOOST_FIXTURE_TEST_CASE(a_dropped_look_up_leaves_no_socket_and_tells_nobody, Fixture) {
    dns.mood = Mood::is_silent;
    use();
    settle(reactor);
    const std::size_t before = open_descriptors();
    {
        auto dropped = resolve(reactor, {"db.example", 1});
        auto cancelled = resolve(reactor, {"db.example", 1});
        run_until(reactor, [&] { return std::count(dns.asked.begin(), dns.asked.end(), ' ') >= 4; });
        BOOST_TEST(open_descriptors() > before);
        cancelled.cancel();
        BOOST_CHECK_THROW(reactor.run_until(std::move(cancelled)), Cancelled);
    }
    settle(reactor);
    BOOST_TEST(open_descriptors() == before);
}

BOOST_FIXTURE_TEST_CASE(a_look_up_may_be_dropped_by_what_it_tells, Fixture) {
    dns.a("db.example", "10.0.0.1");
    dns.aaaa("db.example", "::1");
    NameResolver resolver(reactor, options);
    int told = 0;
    Deferred<> look_up;
    look_up = resolver.look_up("db.example", AddressFamily::any, [&](const std::vector<std::string>&) {
        ++told;
        look_up = {};
    });
    run_until(reactor, [&] { return told == 1; });
    settle(reactor);
    BOOST_TEST(told == 1);
    // or end it by an exception
    look_up = resolver.look_up("db.example", AddressFamily::any,
                               [](const std::vector<std::string>&) { throw Error("enough"); });
    BOOST_CHECK_EXCEPTION(reactor.run_until(std::move(look_up)), Error,
                          [](const Error& error) { return std::string_view(error.what()) == "enough"; });
}

BOOST_FIXTURE_TEST_CASE(a_resolver_may_go_before_its_look_ups, Fixture) {
    dns.a("db.example", "10.0.0.1");
    auto resolver = std::make_unique<NameResolver>(reactor, options);
    std::string told;
    auto done = resolver->look_up("db.example", AddressFamily::any,
                                  [&](const std::vector<std::string>& ips) { told = ips.at(0); });
    resolver.reset();
    reactor.run_until(std::move(done));
    BOOST_TEST(told == "10.0.0.1");
}

BOOST_AUTO_TEST_CASE(look_ups_end_with_the_reactor) {
    auto reactor = std::make_unique<Reactor>();
    auto other = std::make_unique<Reactor>();
    DnsServer dns(*other);
    NameOptions options;
    options.servers = {dns.address()};
    NameResolver resolver(*reactor, options);
    auto look_up = resolver.look_up("db.example", AddressFamily::any, [](const std::vector<std::string>&) {});
    settle(*reactor);
    reactor.reset();
    BOOST_REQUIRE(look_up.ready());
    BOOST_CHECK_THROW(std::move(look_up).take().value(), NameError);
}

BOOST_FIXTURE_TEST_CASE(options_that_make_no_sense_are_refused, Fixture) {
    const auto refused = [&](auto change) {
        NameOptions bad;
        change(bad);
        BOOST_CHECK_THROW(NameResolver(reactor, bad), UsageError);
    };
    refused([](NameOptions& o) { o.servers = {{"dns.example", 53}}; });
    refused([](NameOptions& o) { o.tries = 0; });
    refused([](NameOptions& o) { o.try_timeout = Duration::zero(); });
    refused([](NameOptions& o) { o.ndots = -1; });
    refused([](NameOptions& o) { o.timeout = Duration::zero(); });
}

// --- resolvers of one's own

namespace {

struct FixedResolver final : Resolver {
    Deferred<> look_up(const std::string& host, AddressFamily, Found found) override {
        if (host == "throws") throw Error("no resolver at all");
        if (host == "fails") return fail(NameServerFailed("on holiday"));
        if (host == "empty") return succeed();
        found({"127.0.0.1"});
        return succeed();
    }
    Deferred<std::vector<ServiceRecord>> look_up_service(const std::string&) override {
        return succeed(std::vector<ServiceRecord>{{"here", 1, 0, 0}});
    }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_resolver_can_be_installed_and_taken_back, TcpFixture) {
    const auto before = install_resolver(reactor, std::make_shared<FixedResolver>());
    BOOST_TEST(reactor.run_until(resolve(reactor, {"anything", 5})).at(0).str() == "127.0.0.1:5");
    BOOST_TEST(reactor.run_until(resolve_service(reactor, "x")).at(0).host == "here");
    auto client = std::make_shared<Recorder>();
    reactor.run_until(connect_tcp(reactor, {"anything", port->address().port}, client));
    BOOST_TEST(client->story() == "made");
    BOOST_CHECK_THROW(reactor.run_until(connect_tcp(reactor, {"fails", 1}, client)), NameServerFailed);
    BOOST_CHECK_THROW(reactor.run_until(connect_tcp(reactor, {"empty", 1}, client)), NameNotFound);
    BOOST_CHECK_THROW(reactor.run_until(resolve(reactor, {"empty", 1})), NameNotFound);
    BOOST_CHECK_THROW(reactor.run_until(connect_tcp(reactor, {"throws", 1}, client)), Error);
    install_resolver(reactor, before);
    BOOST_TEST((resolver_of(reactor) == before));
}
