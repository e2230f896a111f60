#define BOOST_TEST_MODULE memory_network
#include "plait/reactor/testing/memory_network.hpp"

#include <boost/test/unit_test.hpp>
#include <stdexcept>
#include <string>

#include "plait/deferred/testing/caught_reports.hpp"
#include "plait/tests/reactor/recorder.hpp"

using namespace plait;
using namespace plait::testing;

namespace {

const HostPort where{"zk1", 2181};

struct Fixture {
    MemoryNetwork network;
    std::vector<std::shared_ptr<Recorder>> served;
    std::function<void(Recorder&)> prepare = [](Recorder&) {};

    Fixture() {
        network.listen(where, make_factory([this](const Address&) -> std::shared_ptr<Protocol> {
                           auto server = std::make_shared<Recorder>();
                           prepare(*server);
                           served.push_back(server);
                           return server;
                       }));
    }

    std::shared_ptr<Recorder> connect(const HostPort& to = where) {
        auto client = std::make_shared<Recorder>();
        network.connector()->connect(to, client).detach([](const Failure&) {});
        return client;
    }

    static void echo(Recorder& recorder) {
        recorder.when_data = [](Recorder& r, const Bytes& data) { r.transport().write(data); };
    }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_connection_is_made_by_the_next_pump_and_not_before, Fixture) {
    auto client = std::make_shared<Recorder>();
    auto connected = network.connector()->connect(where, client);
    BOOST_TEST(!connected.ready());
    BOOST_TEST(network.attempts() == 1U);
    BOOST_TEST(network.pump());
    BOOST_TEST(connected.ready());
    BOOST_TEST((std::move(connected).take().value() == client));
    BOOST_TEST(served.size() == 1U);
    BOOST_TEST(network.open_connections() == 1U);
    BOOST_TEST(client->transport().peer().str() == "zk1:2181");
    BOOST_TEST((served[0]->transport().peer() == client->transport().host()));
}

BOOST_FIXTURE_TEST_CASE(bytes_go_there_and_back, Fixture) {
    prepare = echo;
    auto client = connect();
    network.flush();
    client->transport().write("hello");
    network.flush();
    BOOST_TEST(client->received == "hello");
}

BOOST_FIXTURE_TEST_CASE(every_cut_gives_the_same_bytes, Fixture) {
    prepare = echo;
    for (std::size_t step : {1U, 2U, 3U, 7U}) {
        network.set_bytes_per_step(step);
        auto client = connect();
        std::size_t largest = 0;
        client->when_data = [&largest](Recorder&, const Bytes& data) { largest = std::max(largest, data.size()); };
        network.flush();
        client->transport().write("twenty bytes of text");
        network.flush();
        BOOST_TEST(client->received == "twenty bytes of text");
        BOOST_TEST(largest == step);
    }
}

BOOST_FIXTURE_TEST_CASE(an_unknown_host_refuses_and_names_itself, Fixture) {
    auto connected = network.connector()->connect({"nowhere", 99}, std::make_shared<Recorder>());
    network.flush();
    BOOST_CHECK_EXCEPTION(std::move(connected).take().value(), ConnectionRefused,
                          [](const auto& e) { return std::string(e.what()).find("nowhere:99") != std::string::npos; });
    network.close_port(where);
    auto refused = network.connector()->connect(where, std::make_shared<Recorder>());
    network.flush();
    BOOST_CHECK_THROW(std::move(refused).take().value(), ConnectError);
}

BOOST_FIXTURE_TEST_CASE(an_unresponsive_host_leaves_connections_pending, Fixture) {
    network.set_unresponsive(where, true);
    auto connected = network.connector()->connect(where, std::make_shared<Recorder>());
    network.flush();
    BOOST_TEST(!connected.ready());
    network.set_unresponsive(where, false);
    network.flush();
    BOOST_TEST(connected.ready());
}

BOOST_FIXTURE_TEST_CASE(a_dropped_or_cancelled_attempt_is_never_made, Fixture) {
    auto client = std::make_shared<Recorder>();
    {
        auto dropped = network.connector()->connect(where, client);
    }
    auto cancelled = network.connector()->connect(where, client);
    cancelled.cancel();
    network.flush();
    BOOST_TEST(client->story() == "");
    BOOST_TEST(served.empty());
    BOOST_CHECK_THROW(std::move(cancelled).take().value(), Cancelled);
}

BOOST_FIXTURE_TEST_CASE(closing_in_good_order_delivers_everything_and_ends_both_sides, Fixture) {
    auto client = connect();
    network.flush();
    client->transport().write("last words");
    client->transport().lose_connection();
    network.flush();
    BOOST_TEST(served[0]->received == "last words");
    BOOST_TEST(served[0]->story() == "made data end lost: done");
    BOOST_TEST(client->story() == "made lost: done");
    BOOST_TEST(network.open_connections() == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_half_closed_connection_still_answers, Fixture) {
    prepare = [](Recorder& server) {
        server.close_at_end = false;
        server.when_ended = [](Recorder& r) {
            r.transport().write("answer");
            r.transport().lose_write_connection();
        };
    };
    auto client = connect();
    client->close_at_end = false;
    network.flush();
    client->transport().write("question");
    client->transport().lose_write_connection();
    network.flush();
    BOOST_TEST(served[0]->story() == "made data end lost: done");
    BOOST_TEST(client->received == "answer");
    BOOST_TEST(client->story() == "made data end lost: done");
}

BOOST_FIXTURE_TEST_CASE(abort_is_a_reset_for_the_peer_and_throws_the_bytes_away, Fixture) {
    auto client = connect();
    network.flush();
    client->transport().write("never seen");
    client->transport().abort_connection();
    network.flush();
    BOOST_TEST(client->story() == "made lost: aborted");
    BOOST_TEST(served[0]->story() == "made lost: broken");
}

BOOST_FIXTURE_TEST_CASE(a_paused_reader_makes_the_writer_wait, Fixture) {
    auto client = connect();
    network.flush();
    NotedProducer producer;
    client->transport().set_write_watermarks(2, 4);
    client->transport().register_producer(producer);
    served[0]->transport().pause_producing();
    client->transport().write("123456");
    auto drained = client->transport().drained();
    network.flush();
    BOOST_TEST(client->transport().write_buffered() == 6U);
    BOOST_TEST(producer.told == "pause ");
    BOOST_TEST(!drained.ready());
    served[0]->transport().resume_producing();
    network.flush();
    BOOST_TEST(served[0]->received == "123456");
    BOOST_TEST(producer.told == "pause resume ");
    BOOST_TEST(drained.ready());
    client->transport().unregister_producer();
}

BOOST_FIXTURE_TEST_CASE(bytes_to_one_that_has_gone_are_answered_with_a_reset, Fixture) {
    auto client = connect();
    network.flush();
    client->transport().pause_producing();  // and so does not hear of the end
    served[0]->transport().lose_connection();
    network.flush();
    BOOST_TEST(served[0]->story() == "made lost: done");
    client->transport().write("x");
    network.flush();
    BOOST_TEST(client->story() == "made lost: broken");
}

BOOST_FIXTURE_TEST_CASE(the_last_ten_thousand_attempts_are_remembered, Fixture) {
    for (std::uint16_t port = 0; port <= 10'000; ++port)
        network.connector()->connect({"host", port}, std::make_shared<Recorder>()).cancel();
    BOOST_TEST(network.attempts() == 10'001U);
    BOOST_TEST(network.attempted().size() == 10'000U);
    BOOST_TEST(network.attempted().front().port == 1);
}

BOOST_FIXTURE_TEST_CASE(broken_connections_are_lost_on_both_sides, Fixture) {
    auto client = connect();
    network.flush();
    network.break_connections(where);
    BOOST_TEST(client->story() == "made lost: broken");
    BOOST_TEST(served[0]->story() == "made lost: broken");
    network.flush();
    BOOST_TEST(network.open_connections() == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_factory_that_says_no_closes_the_connection, Fixture) {
    network.listen(where, make_factory([](const Address&) -> std::shared_ptr<Protocol> { return nullptr; }));
    auto client = connect();
    network.flush();
    BOOST_TEST(client->story() == "made end lost: done");
}

BOOST_FIXTURE_TEST_CASE(a_factory_that_throws_is_reported_and_closes_that_connection_alone, Fixture) {
    auto good = connect();
    network.flush();
    plait::testing::CaughtReports reports;
    network.listen(where, make_factory([](const Address&) -> std::shared_ptr<Protocol> {
                       throw std::runtime_error("no protocol today");
                   }));
    auto client = connect();
    network.flush();
    BOOST_TEST(reports.last().find("no protocol today") != std::string::npos);
    BOOST_TEST(client->story() == "made end lost: done");
    BOOST_TEST(good->connected());
}

BOOST_FIXTURE_TEST_CASE(connection_made_that_throws_fails_the_attempt, Fixture) {
    auto client = std::make_shared<Recorder>();
    client->when_made = [](Recorder&) { throw std::runtime_error("not ready"); };
    auto connected = network.connector()->connect(where, client);
    network.flush();
    BOOST_TEST(client->story() == "made lost: other");
    BOOST_CHECK_THROW(std::move(connected).take().value(), std::runtime_error);
}

BOOST_FIXTURE_TEST_CASE(two_protocols_that_never_stop_talking_are_found_out, Fixture) {
    prepare = echo;
    auto client = connect();
    echo(*client);
    network.flush();
    client->transport().write("ping");
    BOOST_CHECK_THROW(network.flush(100), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(destroying_the_network_aborts_connections_and_refuses_attempts) {
    auto client = std::make_shared<Recorder>();
    auto network = std::make_unique<MemoryNetwork>();
    network->listen(where, make_factory([](const Address&) { return std::make_shared<Recorder>(); }));
    const auto connector = network->connector();
    connector->connect(where, client).detach([](const Failure&) {});
    network->flush();
    auto pending = connector->connect(where, std::make_shared<Recorder>());
    network.reset();
    BOOST_TEST(client->story() == "made lost: aborted");
    BOOST_CHECK_THROW(std::move(pending).take().value(), ConnectError);
    auto late = connector->connect(where, std::make_shared<Recorder>());
    BOOST_CHECK_THROW(std::move(late).take().value(), ConnectError);
}

BOOST_AUTO_TEST_CASE(destroying_the_network_from_a_callback_is_safe) {
    for (int when = 0; when < 3; ++when) {
        auto network = std::make_unique<MemoryNetwork>();
        const auto server = std::make_shared<Recorder>();
        network->listen(where, make_factory([&](const Address&) -> std::shared_ptr<Protocol> {
                            if (when == 0) network.reset();
                            return server;
                        }));
        auto client = std::make_shared<Recorder>();
        client->when_made = [&](Recorder& r) {
            if (when == 1) network.reset();
            r.transport().write("x");
            r.transport().lose_write_connection();
        };
        client->when_ended = [&](Recorder&) {
            if (when == 2) network.reset();
        };
        network->connector()->connect(where, client).detach([](const Failure&) {});
        while (network && network->pump()) {
        }
        BOOST_TEST(network == nullptr);
        BOOST_TEST(client->events.back() == "lost: aborted");
        BOOST_TEST(server->story() == (when == 2 ? "made data end lost: aborted" : ""));
    }
}

BOOST_AUTO_TEST_CASE(factories_are_told_of_their_first_and_last_port) {
    struct Told final : Factory {
        std::shared_ptr<Protocol> build_protocol(const Address&) override { return nullptr; }
        void start_factory() override { told += "start "; }
        void stop_factory() override { told += "stop "; }
        std::string told;
    };
    const auto factory = std::make_shared<Told>();
    {
        MemoryNetwork network;
        network.listen(where, factory);
        network.listen({"zk2", 2181}, factory);
        network.close_port(where);
        network.close_port(where);
        BOOST_TEST(factory->told == "start ");
        network.listen({"zk2", 2181}, factory);
        BOOST_TEST(factory->told == "start ");
        network.listen({"zk2", 2181}, std::make_shared<RecorderFactory>());
        BOOST_TEST(factory->told == "start stop ");
        network.listen(where, factory);
    }
    BOOST_TEST(factory->told == "start stop start stop ");
}
