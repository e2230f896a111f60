#define BOOST_TEST_MODULE reactor_testing_kit
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <memory>
#include <set>

#include "plait/deferred/testing/outcomes.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/protocols/line_receiver.hpp"
#include "plait/reactor/tcp.hpp"
#include "plait/reactor/testing/boost_test.hpp"
#include "plait/reactor/testing/connected_pair.hpp"
#include "plait/reactor/testing/cuts.hpp"
#include "plait/reactor/testing/memory_endpoints.hpp"
#include "plait/reactor/testing/memory_reactor.hpp"
#include "plait/reactor/testing/recorder.hpp"
#include "plait/reactor/testing/seeded.hpp"

using namespace plait;           // NOLINT
using namespace plait::testing;  // NOLINT
using namespace std::chrono_literals;

namespace {

struct Pair {
    explicit Pair(const FaultPlan& faults = {}) : link(std::make_unique<ConnectedPair>(client, server, faults)) {}

    std::shared_ptr<ProtocolRecorder> client = std::make_shared<ProtocolRecorder>();
    std::shared_ptr<ProtocolRecorder> server = std::make_shared<ProtocolRecorder>();
    std::unique_ptr<ConnectedPair> link;
};

std::string long_text() {
    std::string text;
    for (int i = 0; i < 500; ++i)
        text += std::to_string(i) + " ";
    return text;
}

/// The sizes in which the server saw `text` come.
std::vector<std::size_t> cuts(const FaultPlan& faults, const std::string& text) {
    Pair pair(faults);
    std::vector<std::size_t> sizes;
    pair.server->when_data = [&](ProtocolRecorder&, const Bytes& data) { sizes.push_back(data.size()); };
    pair.client->transport().write(text);
    pair.link->flush();
    BOOST_TEST(pair.server->received == text);
    return sizes;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_pair_carries_bytes_and_ends_both_ways) {
    Pair pair;
    pair.client->transport().write("question");
    pair.server->when_data = [](ProtocolRecorder& self, const Bytes&) { self.transport().write("answer"); };
    BOOST_TEST(pair.link->pump());
    BOOST_TEST(pair.server->received == "question");
    BOOST_TEST(pair.client->received == "");
    pair.link->flush();
    BOOST_TEST(pair.client->received == "answer");
    pair.client->transport().lose_connection();
    pair.link->flush();
    BOOST_TEST(pair.client->story() == "made data lost: done");
    BOOST_TEST(pair.server->story() == "made data end lost: done");
    BOOST_TEST(!pair.link->open());
    BOOST_TEST(!pair.link->pump());
}

BOOST_AUTO_TEST_CASE(a_pair_goes_a_step_at_a_time_if_told_and_never_without_end) {
    Pair pair;
    pair.link->set_bytes_per_step(3);
    pair.client->transport().write("abcdefgh");
    pair.link->pump();
    BOOST_TEST(pair.server->received == "abc");
    pair.link->pump();
    BOOST_TEST(pair.server->received == "abcdef");
    const auto answer = [](ProtocolRecorder& self, const Bytes& data) { self.transport().write(data); };
    pair.server->when_data = answer;
    pair.client->when_data = answer;
    BOOST_CHECK_THROW(pair.link->flush(100), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(a_paused_end_holds_up_the_other) {
    Pair pair;
    pair.server->transport().pause_producing();
    pair.client->transport().write("waits");
    pair.link->flush();
    BOOST_TEST(pair.server->received == "");
    BOOST_TEST(pair.client->transport().write_buffered() == 5U);
    pair.server->transport().resume_producing();
    pair.link->flush();
    BOOST_TEST(pair.server->received == "waits");
}

BOOST_AUTO_TEST_CASE(a_pair_may_be_broken_and_destroyed_from_within) {
    Pair broken;
    broken.link->break_connection();
    BOOST_TEST(broken.client->story() == "made lost: broken");
    BOOST_TEST(broken.server->story() == "made lost: broken");

    Pair destroyed;
    destroyed.server->when_data = [&](ProtocolRecorder&, const Bytes&) { destroyed.link.reset(); };
    destroyed.client->transport().write("x");
    destroyed.link->flush();
    BOOST_TEST(!destroyed.link);
    BOOST_TEST(destroyed.client->story() == "made lost: aborted");
    BOOST_TEST(destroyed.server->story() == "made data lost: aborted");
}

BOOST_AUTO_TEST_CASE(faults_split_and_delay_and_lose_nothing) {
    const auto text = long_text();
    for (const auto seed : seeds(50)) {
        const FaultPlan plan{.seed = seed, .split = 1, .delay = 0.3};
        BOOST_TEST_CONTEXT(plan) {
            BOOST_TEST(cuts(plan, text).size() > 1U);
            BOOST_TEST((cuts(plan, text) == cuts(plan, text)));
        }
    }
    BOOST_TEST((cuts({.seed = 1, .split = 1}, text) != cuts({.seed = 2, .split = 1}, text)));
    BOOST_TEST(cuts({}, text).size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_delay_holds_bytes_for_some_steps) {
    Pair pair({.seed = 3, .delay = 1, .longest_delay = 4});
    pair.client->transport().write("late");
    BOOST_TEST(pair.link->pump());
    BOOST_TEST(pair.server->received == "");
    int steps = 0;
    for (; pair.server->received.empty() && steps < 100; ++steps)
        pair.link->pump();
    BOOST_TEST(steps == 100);  // late each time: what is always delayed never comes
    BOOST_CHECK_THROW(pair.link->flush(1000), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(what_is_dropped_never_arrives_and_the_rest_does) {
    const auto text = long_text();
    Pair none({.drop = 1});
    none.client->transport().write(text);
    none.client->transport().lose_connection();
    none.link->flush();
    BOOST_TEST(none.server->story() == "made end lost: done");
    BOOST_TEST(none.server->received == "");
    Pair some({.seed = 5, .split = 1, .drop = 0.3});
    some.client->transport().write(text);
    some.link->flush();
    BOOST_TEST(some.server->received.size() > 0U);
    BOOST_TEST(some.server->received.size() < text.size());
}

BOOST_AUTO_TEST_CASE(a_corrupted_byte_differs_in_one_bit) {
    Pair pair({.seed = 5, .corrupt = 1});
    const auto text = long_text();
    pair.client->transport().write(text);
    pair.link->flush();
    BOOST_REQUIRE(pair.server->received.size() == text.size());
    int differing = 0;
    for (std::size_t i = 0; i < text.size(); ++i)
        differing += __builtin_popcount(static_cast<unsigned>((text[i] ^ pair.server->received[i]) & 0xff));
    BOOST_TEST(differing == 1);
}

BOOST_AUTO_TEST_CASE(a_fault_may_break_the_connection_when_bytes_are_carried) {
    Pair pair({.close = 1});
    BOOST_TEST(!pair.link->pump());
    pair.client->transport().write("never comes");
    pair.link->flush();
    BOOST_TEST(pair.client->story() == "made lost: broken");
    BOOST_TEST(pair.server->story() == "made lost: broken");
}

BOOST_AUTO_TEST_CASE(a_plan_is_printed_as_it_is_written) {
    BOOST_TEST((FaultPlan{.seed = 7, .split = 0.5, .close = 0.25}.str() ==
                "FaultPlan{.seed = 7, .split = 0.5, .close = 0.25}"));
    BOOST_TEST(FaultPlan{}.str() == "FaultPlan{.seed = 0}");
}

BOOST_AUTO_TEST_CASE(each_connection_of_a_network_has_faults_of_its_own) {
    MemoryReactor memory;
    memory.network.set_faults({.seed = 1, .split = 1});
    const auto factory = std::make_shared<RecorderFactory>();
    std::vector<std::vector<std::size_t>> sizes(2);
    factory->prepare = [&](ProtocolRecorder& recorder) {
        const auto mine = factory->built.size();
        recorder.when_data = [&sizes, mine](ProtocolRecorder&, const Bytes& data) {
            sizes[mine].push_back(data.size());
        };
    };
    memory.network.listen({"host", 1}, factory);
    for (int i = 0; i < 2; ++i) {
        const auto client = std::make_shared<ProtocolRecorder>();
        memory.get(memory.network.connector()->connect({"host", 1}, client));
        client->transport().write(long_text());
        memory.settle();
    }
    BOOST_TEST((factory->built[0]->received == long_text()));
    BOOST_TEST((factory->built[1]->received == long_text()));
    BOOST_TEST((sizes[0] != sizes[1]));
}

BOOST_AUTO_TEST_CASE(a_network_refuses_with_the_failure_it_is_told_and_remembers_who_tried) {
    MemoryReactor memory;
    memory.network.listen({"host", 1}, std::make_shared<RecorderFactory>());
    memory.network.refuse_connections({"host", 1}, make_failure(ConnectTimeout("there is no host")));
    const auto connect = [&](std::uint16_t port) {
        auto connecting = memory.network.connector()->connect({"host", port}, std::make_shared<ProtocolRecorder>());
        memory.settle();
        return connecting;
    };
    failure_of<ConnectTimeout>(connect(1));
    memory.network.allow_connections({"host", 1});
    success_of(connect(1));
    failure_of<ConnectionRefused>(connect(2));
    BOOST_TEST(memory.network.attempts() == 3U);
    BOOST_TEST((memory.network.attempted() == std::vector<HostPort>{{"host", 1}, {"host", 1}, {"host", 2}}));
    BOOST_TEST((memory.network.listening() == std::vector<HostPort>{{"host", 1}}));
}

BOOST_AUTO_TEST_CASE(endpoints_in_memory_connect_and_listen) {
    MemoryReactor memory;
    const HostPort where{"host", 1};
    const auto server = std::make_shared<RecorderFactory>();
    const auto client = std::make_shared<RecorderFactory>();
    auto port = success_of(memory_server_endpoint(memory.network, where)->listen(server));
    BOOST_TEST(port->address().port == 1);
    failure_of<CannotListen>(memory_server_endpoint(memory.network, where)->listen(server));
    memory.get(memory_client_endpoint(memory.network, where)->connect(client));
    BOOST_TEST(server->built.size() == 1U);
    BOOST_TEST(client->built.front()->story() == "made");

    port->stop_listening();
    auto refused = memory_client_endpoint(memory.network, where)->connect(client);
    memory.settle();
    failure_of<ConnectionRefused>(refused);
    port->start_listening();
    BOOST_TEST(memory.network.listening().size() == 1U);
    port.reset();
    BOOST_TEST(memory.network.listening().empty());

    memory.network.set_listening_refused(where, true);
    failure_of<CannotListen>(memory_server_endpoint(memory.network, where)->listen(server));
    memory.network.set_listening_refused(where, false);
    success_of(memory_server_endpoint(memory.network, where)->listen(server));
}

BOOST_AUTO_TEST_CASE(a_memory_reactor_settles_what_needs_no_time_and_passes_the_time) {
    MemoryReactor memory;
    std::string said;
    auto soon = memory.clock.call_later(0s, [&] { said += "soon "; });
    auto later = memory.clock.call_later(1s, [&] { said += "later "; });
    memory.settle();
    BOOST_TEST(said == "soon ");
    memory.pass(999ms);
    BOOST_TEST(said == "soon ");
    memory.pass(1ms);
    BOOST_TEST(said == "soon later ");
    BOOST_CHECK_THROW(memory.pass(1s, 0s), std::invalid_argument);
    auto [never, promise] = make_deferred<int>();
    BOOST_CHECK_THROW(memory.get(std::move(never)), UnexpectedOutcome);
}

BOOST_AUTO_TEST_CASE(a_text_is_cut_in_every_way_and_stays_the_same) {
    const auto text = long_text().substr(0, 100);
    std::set<Pieces> different;
    for (const auto& pieces : ways_to_cut(text)) {
        std::string whole;
        for (const auto& piece : pieces)
            whole += piece;
        BOOST_TEST(whole == text);
        different.insert(pieces);
    }
    BOOST_TEST(different.size() == 1U + 1 + 99 + 20);
    BOOST_TEST((cut_every("abcde", 2) == Pieces{"ab", "cd", "e"}));
    BOOST_TEST(cut_every("", 1).empty());
    BOOST_CHECK_THROW(cut_every("a", 0), std::invalid_argument);
    BOOST_CHECK_THROW(cut_at_random("a", 1, 0), std::invalid_argument);
    for (const auto& piece : cut_at_random(text, 1, 3))
        BOOST_TEST((!piece.empty() && piece.size() <= 3));
}

BOOST_AUTO_TEST_CASE(the_environment_may_name_one_seed) {
    BOOST_TEST((seeds(3) == std::vector<std::uint64_t>{1, 2, 3}));
    ::setenv("PLAIT_TEST_SEED", "17", 1);
    BOOST_TEST((seeds(3) == std::vector<std::uint64_t>{17}));
    ::setenv("PLAIT_TEST_SEED", "17x", 1);
    BOOST_CHECK_THROW(seeds(3), std::invalid_argument);
    ::unsetenv("PLAIT_TEST_SEED");
}

BOOST_AUTO_TEST_CASE(numbers_of_a_seed_are_the_same_everywhere) {
    Seeded random(42);
    BOOST_TEST(random.next() == 13679457532755275413U);
    for (int i = 0; i < 1000; ++i) {
        const auto number = random.between(3, 5);
        BOOST_TEST((number >= 3 && number <= 5));
        BOOST_TEST(!random.chance(0));
        BOOST_TEST(random.chance(1));
    }
}

BOOST_AUTO_TEST_CASE(a_deferred_is_awaited_on_a_reactor) {
    Reactor reactor;
    BOOST_TEST(await_in(reactor, reactor.sleep(1ms).add_callback([] { return 7; })) == 7);
    BOOST_CHECK_THROW(await_in(reactor, Deferred<int>::fail(make_failure(ConnectError("no")))), ConnectError);
    int asked = 0;
    await_until(reactor, [&asked] { return ++asked == 3; });
    BOOST_TEST(asked == 3);
}

BOOST_AUTO_TEST_CASE(waiting_in_vain_ends_and_names_what_was_awaited) {
    Reactor reactor;
    const auto port = listen_tcp(reactor, {"127.0.0.1", 0}, std::make_shared<RecorderFactory>());
    auto [never, promise] = make_deferred<int>();
    try {
        await_in(reactor, std::move(never), 5ms, "the answer");
        BOOST_ERROR("came");
    } catch (const TimeoutError& error) {
        const std::string text = error.what();
        BOOST_TEST(text.find("waited 0.005 s for the answer in vain") != std::string::npos, text);
        BOOST_TEST(text.find("a port that listens on") != std::string::npos, text);
    }
    BOOST_TEST(!promise.wanted());
    BOOST_CHECK_THROW(await_until(reactor, [] { return false; }, 5ms), TimeoutError);
    // Somebody else's stop is not taken for the end of patience.
    auto stopping = reactor.call_later(1ms, [&] { reactor.stop(); });
    auto [other, other_promise] = make_deferred<int>();
    BOOST_CHECK_THROW(await_in(reactor, std::move(other)), ReactorStopped);
}

BOOST_FIXTURE_TEST_CASE(a_test_that_tidies_up_passes, CleanReactor) {
    const auto factory = std::make_shared<RecorderFactory>();
    auto port = listen_tcp(reactor, {"127.0.0.1", 0}, factory);
    const auto client = std::make_shared<ProtocolRecorder>();
    await(connect_tcp(reactor, {"127.0.0.1", port->address().port}, client));
    BOOST_TEST(left_on(reactor).size() >= 2U);
    BOOST_CHECK_THROW(expect_clean(reactor), UnexpectedOutcome);
    client->transport().lose_connection();  // and ends in the turns that the fixture allows
    port.reset();
    auto timer = reactor.call_later(1h, [] {});
    BOOST_TEST(left_on(reactor).size() == 1U);
    timer.cancel();
    expect_clean(reactor);
}

BOOST_AUTO_TEST_CASE(ends_that_take_others_some_time_are_waited_for_and_no_longer) {
    Reactor reactor;
    auto timer = reactor.call_later(20ms, [] {});
    BOOST_TEST(left_on(reactor).size() == 1U);
    expect_clean(reactor, 1h);
    timer = reactor.call_later(1h, [] {});
    BOOST_TEST(left_on(reactor, 10ms).size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(what_is_left_in_memory_is_named, CleanMemoryReactor) {
    const auto left = [this] { return left_on(*this); };
    network.listen({"host", 1}, std::make_shared<RecorderFactory>());
    network.set_unresponsive({"silent", 2}, true);
    BOOST_TEST(left().empty());
    const auto client = std::make_shared<ProtocolRecorder>();
    get(network.connector()->connect({"host", 1}, client));
    auto attempt = network.connector()->connect({"silent", 2}, std::make_shared<ProtocolRecorder>());
    auto timer = clock.call_later(1h, [] {});
    const std::vector<std::string> all{"a connection to host:1", "an attempt to connect to silent:2", "1 timed call"};
    BOOST_TEST(left() == all, boost::test_tools::per_element());
    BOOST_CHECK_THROW(expect_clean(*this), UnexpectedOutcome);
    attempt = {};
    timer.cancel();
    client->transport().lose_connection();
    expect_clean(*this);
}
