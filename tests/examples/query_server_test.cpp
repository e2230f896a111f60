#define BOOST_TEST_MODULE query_server
#include "query_server.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

#include "plait/reactor/testing/memory_transport.hpp"
#include "store.hpp"

using plait::testing::MemoryTransport;

namespace {

struct Served {
    view_mirror::Store store;
    std::shared_ptr<plait::Factory> factory = view_mirror::make_query_factory(
        {[this]() -> const view_mirror::Store& { return store; }, [] { return std::string("role=leader"); }});
    std::shared_ptr<plait::Protocol> protocol = factory->build_protocol({"10.0.0.9", 1});
    MemoryTransport transport{protocol};
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(questions_are_answered_a_line_each, Served) {
    store.add("a", "{\"id\":\"a\"}");
    transport.deliver("count\r\nget a\r\nget b\r\nstatus\r\nget\r\n");
    BOOST_TEST(transport.take_written() ==
               "1\r\n{\"id\":\"a\"}\r\n.\r\n.\r\nrole=leader\r\nerror: say count, get <docid>, status or quit\r\n");
    transport.deliver("quit\r\ncount\r\n");
    BOOST_TEST(transport.disconnecting());
    BOOST_TEST(transport.take_written() == "");
}

BOOST_FIXTURE_TEST_CASE(who_does_not_read_is_not_asked_for_more, Served) {
    store.add("big", std::string(10'000, 'x'));
    std::string questions;
    for (int i = 0; i < 1000; ++i)
        questions += "get big\r\n";
    transport.deliver(questions);
    BOOST_TEST(transport.reading_paused());
    BOOST_TEST(transport.written().size() < 100'000u);

    std::size_t answered = 0;
    for (int i = 0; i < 1000 && answered < 1000u * 10'005u; ++i)
        answered += transport.take_written().size();
    BOOST_TEST(answered == 1000u * 10'005u);
    BOOST_TEST(!transport.reading_paused());
}
