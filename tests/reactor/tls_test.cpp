// TLS between two protocols in memory: handshake, bytes in any cuts, what both sides learn, sessions.
#define BOOST_TEST_MODULE tls
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "tls_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

std::string numbered(std::size_t size) {
    std::string text;
    for (std::size_t i = 0; text.size() < size; ++i)
        text += std::to_string(i) + ' ';
    text.resize(size);
    return text;
}

const TlsVersion versions[] = {TlsVersion::tls_1_2, TlsVersion::tls_1_3};

}  // namespace

BOOST_DATA_TEST_CASE(a_plain_protocol_runs_over_tls_without_knowing_it, boost::unit_test::data::make({12, 13}), minor) {
    const TlsVersion version = versions[minor - 12];
    TlsPair pair;
    pair.client_options.minimum = pair.client_options.maximum = version;
    pair.prepare = TlsPair::echo;
    pair.client->when_made = [](Recorder& r) { r.transport().write("hello"); };
    Recorder& server = pair.open();
    BOOST_TEST(server.received == "hello");
    BOOST_TEST(pair.client->received == "hello");
    BOOST_TEST(pair.client->story() == "made data");
    BOOST_TEST(info_of(*pair.client).version == version);
    BOOST_TEST(info_of(server).version == version);
    BOOST_TEST(info_of(server).server_name == "localhost");

    pair.client->transport().lose_connection();
    pair.settle();
    BOOST_TEST(pair.client->story() == "made data lost: done");
    BOOST_TEST(server.story() == "made data end lost: done");
    BOOST_TEST(pair.network.open_connections() == 0U);
}

BOOST_DATA_TEST_CASE(bytes_arrive_whole_in_any_cuts, boost::unit_test::data::make({1, 2, 3, 7, 100, 1000, 0}), step) {
    for (const TlsVersion version : versions) {
        TlsPair pair;
        pair.client_options.maximum = version;
        pair.network.set_bytes_per_step(static_cast<std::size_t>(step));
        pair.prepare = TlsPair::echo;
        const std::string text = numbered(step == 0 ? 1'000'000 : step > 10 ? 100'000 : 3'000);
        pair.client->when_made = [&](Recorder& r) { r.transport().write(text); };
        pair.open();
        for (int i = 0; i < 100 && pair.client->received.size() < text.size(); ++i)
            pair.settle();
        BOOST_TEST((pair.client->received == text));
        pair.client->transport().lose_connection();
        pair.settle();
        BOOST_TEST(pair.client->story() == "made data lost: done");
        BOOST_TEST(pair.server().story() == "made data end lost: done");
    }
}
