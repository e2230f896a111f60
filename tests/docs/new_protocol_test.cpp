// The code of docs/new_protocol.md: the tests of the protocol in examples/lookup.
#define BOOST_TEST_MODULE docs_new_protocol
#include <boost/test/unit_test.hpp>

#include "plait/deferred/testing/outcomes.hpp"
#include "plait/examples/lookup/lookup.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/testing/connected_pair.hpp"
#include "plait/reactor/testing/cuts.hpp"
#include "plait/reactor/testing/memory_endpoints.hpp"
#include "plait/reactor/testing/memory_reactor.hpp"

using namespace plait::testing;
using namespace std::chrono_literals;
using plait::Bytes;

// snippet: test_records
BOOST_AUTO_TEST_CASE(answers_are_read_as_they_were_written_and_nothing_else_is) {
    const auto yes = lookup::decode_answer(lookup::encode(lookup::Answer{7, Bytes::copy("word")}));
    BOOST_TEST(yes.id == 7U);
    BOOST_TEST(yes.value->view() == "word");
    BOOST_TEST(!lookup::decode_answer(lookup::encode(lookup::Answer{8, std::nullopt})).value);
    for (const char* bad : {"", "abc", "idid", "idid\2"})
        BOOST_CHECK_THROW(lookup::decode_answer(Bytes::copy(bad)), lookup::BadRecord);
}
// end of snippet

// snippet: test_session
BOOST_AUTO_TEST_CASE(each_question_gets_its_own_answer) {
    std::vector<lookup::Request> sent;
    lookup::Session session([&sent](Bytes record) { sent.push_back(lookup::decode_request(record)); });
    auto one = session.ask("one");
    auto two = session.ask("two");
    session.received({sent[1].id, Bytes::copy("2")});
    no_result(one);
    BOOST_TEST(success_of(two)->view() == "2");
    BOOST_CHECK_THROW(session.received({sent[1].id, std::nullopt}), lookup::BadRecord);

    one.cancel();
    failure_of<plait::Cancelled>(one);
    session.received({sent[0].id, Bytes::copy("1")});  // too late, and harmless
}

BOOST_AUTO_TEST_CASE(who_waits_when_the_connection_is_lost_is_told) {
    lookup::Session session([](Bytes) {});
    auto one = session.ask("one");
    session.lost(plait::make_failure(plait::ConnectionLost("the cable")));
    failure_of<plait::ConnectionLost>(one);
}
// end of snippet

// snippet: test_client
struct World : MemoryReactor {
    World() { network.listen({"words", 4000}, lookup::server({{"deferred", "not here yet"}})); }
    lookup::Client client{clock, memory_client_endpoint(network, {"words", 4000})};
};

BOOST_FIXTURE_TEST_CASE(a_word_is_found_and_another_is_not, World) {
    BOOST_TEST(get(client.get("deferred"))->view() == "not here yet");
    BOOST_TEST(!get(client.get("future")).has_value());
}

BOOST_FIXTURE_TEST_CASE(a_lost_connection_is_made_again, World) {
    get(client.get("deferred"));
    network.break_connections({"words", 4000});
    auto again = client.get("deferred");
    pass(3s);
    BOOST_TEST(success_of(again).has_value());
    BOOST_TEST(network.attempts() == 2U);
}

BOOST_FIXTURE_TEST_CASE(a_server_that_is_not_there_is_a_failure_and_not_a_wait, World) {
    network.close_port({"words", 4000});
    auto never = client.get("deferred");
    pass(10s);
    failure_of<plait::Error>(never);
}
// end of snippet

// snippet: test_faults
BOOST_AUTO_TEST_CASE(whatever_the_network_does_each_question_ends) {
    for (const auto seed : seeds(100)) {
        const FaultPlan plan{.seed = seed, .split = 0.5, .delay = 0.2, .corrupt = 0.05, .close = 0.02};
        BOOST_TEST_CONTEXT(plan) {
            const auto protocol = std::make_shared<lookup::Protocol>();
            ConnectedPair pair(protocol, lookup::server({{"a", "b"}})->build_protocol({}), plan);
            int ended = 0;
            for (int i = 0; i < 20; ++i)
                protocol->ask("a").add_both([&ended](const auto&) { ++ended; }).detach([](const auto&) {});
            pair.flush();
            pair.break_connection();
            BOOST_TEST(ended == 20);
        }
    }
}
// end of snippet
