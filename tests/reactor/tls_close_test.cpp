// The end of connections over TLS: in good order, by halves, cut off, thrown away, from inside callbacks; and
// back-pressure on the way there.
#define BOOST_TEST_MODULE tls_close
#include <boost/test/unit_test.hpp>

#include "plait/tests/reactor/reports.hpp"
#include "tls_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

/// Two MemoryTransports with TLS on them, carried by hand, so that each end can be treated badly.
struct Ends {
    ManualClock clock;
    std::shared_ptr<Recorder> client = std::make_shared<Recorder>();
    std::shared_ptr<Recorder> server = std::make_shared<Recorder>();
    std::shared_ptr<Protocol> client_tls;
    std::unique_ptr<MemoryTransport> a;
    std::unique_ptr<MemoryTransport> b;

    explicit Ends(TlsVersion version = TlsVersion::tls_1_3) {
        TlsOptions options = trusting();
        options.maximum = version;
        client_tls = tls_client(clock, TlsContext::client(options), {"localhost"}, client);
        a = std::make_unique<MemoryTransport>(client_tls);
        b = std::make_unique<MemoryTransport>(tls_server(clock, TlsContext::server(serving()), server));
        carry();
        BOOST_REQUIRE(client->connected());
        BOOST_REQUIRE(server->connected());
    }
    void carry() {
        for (int i = 0; i < 20; ++i) {
            clock.advance({});
            b->deliver(a->take_written());
            a->deliver(b->take_written());
        }
    }
    Transport& at_client() { return client->transport(); }
    Transport& at_server() { return server->transport(); }
};

const TlsVersion versions[] = {TlsVersion::tls_1_2, TlsVersion::tls_1_3};

}  // namespace

BOOST_AUTO_TEST_CASE(closing_sends_what_is_queued_then_a_close_notify_and_waits_for_theirs) {
    for (const TlsVersion version : versions) {
        Ends ends(version);
        ends.server->close_at_end = false;
        ends.at_client().write("last words");
        ends.at_client().lose_connection();
        ends.at_client().write("too late");
        BOOST_TEST(ends.at_client().disconnecting());
        BOOST_TEST(!ends.a->disconnecting());
        ends.carry();
        BOOST_TEST(ends.server->received == "last words");
        BOOST_TEST(ends.server->story() == "made data end");
        BOOST_TEST(!ends.a->disconnecting());  // their close-notify is not here
        ends.at_server().write("more");        // nobody hears it
        ends.at_server().lose_connection();
        ends.carry();
        BOOST_TEST(ends.a->disconnecting());
        BOOST_TEST(ends.b->disconnecting());
        BOOST_TEST(ends.client->received == "");
        ends.a->lose_cleanly();
        ends.b->lose_cleanly();
        BOOST_TEST(ends.client->story() == "made lost: done");
        BOOST_TEST(ends.server->story() == "made data end lost: done");
    }
}

BOOST_AUTO_TEST_CASE(a_peer_that_does_not_answer_our_close_notify_is_waited_for_five_seconds) {
    Ends ends;
    ends.at_client().lose_connection();
    ends.clock.advance({});
    ends.a->take_written();
    ends.clock.advance(4999ms);
    BOOST_TEST(!ends.a->disconnecting());
    ends.clock.advance(1ms);
    BOOST_TEST(ends.a->disconnecting());
    BOOST_TEST(!ends.a->aborted());
    ends.a->lose_cleanly();
    BOOST_TEST(is<ConnectionDone>(ends.client->reason));
}

BOOST_AUTO_TEST_CASE(a_peer_that_does_not_take_our_last_bytes_is_thrown_out) {
    Ends ends;
    ends.at_client().write(std::string(1000, 'x'));
    ends.at_client().lose_connection();
    ends.clock.advance(4s);
    ends.a->take_written(500);  // it does take something
    ends.clock.advance(4s);
    BOOST_TEST(!ends.a->aborted());
    ends.clock.advance(2s);
    BOOST_TEST(ends.a->aborted());
    ends.a->lose_broken();
    BOOST_TEST(is<ConnectionLost>(ends.client->reason));
    BOOST_TEST(text_of(ends.client->reason).find("took none of the last") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_peer_that_takes_nothing_of_much_is_thrown_out) {
    Ends ends;
    ends.at_client().write(std::string(1'000'000, 'x'));
    ends.at_client().lose_connection();
    ends.clock.advance(1s);
    BOOST_TEST(!ends.a->aborted());
    for (int i = 0; i < 10; ++i)
        ends.clock.advance(1s);
    BOOST_TEST(ends.a->aborted());
    ends.a->lose_broken();
}

BOOST_AUTO_TEST_CASE(their_answer_has_all_of_the_time_from_when_our_close_notify_goes_out) {
    Ends ends;
    ends.a->set_accepting(false);
    ends.at_client().write(std::string(300'000, 'x'));
    ends.at_client().lose_connection();
    ends.clock.advance(4s);
    while (!ends.a->written().empty()) {  // it takes all at last
        ends.a->take_written();
        ends.clock.advance({});
    }
    ends.clock.advance(4999ms);
    BOOST_TEST(!ends.a->disconnecting());
    ends.clock.advance(1ms);
    BOOST_TEST(ends.a->disconnecting());
    BOOST_TEST(!ends.a->aborted());
}

BOOST_AUTO_TEST_CASE(closing_after_half_a_close_has_the_same_bound) {
    Ends ends;
    ends.server->close_at_end = false;
    ends.at_client().lose_write_connection();
    ends.carry();
    ends.clock.advance(1h);  // half is for as long as it likes
    BOOST_TEST(!ends.a->disconnecting());
    ends.at_client().lose_connection();
    ends.clock.advance(4999ms);
    BOOST_TEST(!ends.a->disconnecting());
    ends.clock.advance(1ms);
    BOOST_TEST(ends.a->disconnecting());
    BOOST_TEST(!ends.a->aborted());
    BOOST_TEST(ends.a->written() == "");  // one close-notify was enough
}

BOOST_AUTO_TEST_CASE(a_transport_below_that_does_not_come_to_its_end_is_aborted) {
    Ends ends;
    ends.at_client().lose_connection();
    ends.carry();
    BOOST_TEST(ends.a->disconnecting());  // both close-notifies have passed
    ends.clock.advance(4999ms);
    BOOST_TEST(!ends.a->aborted());
    ends.clock.advance(1ms);
    BOOST_TEST(ends.a->aborted());
    ends.a->lose(make_failure(ConnectionAborted("aborted")));
    BOOST_TEST(is<ConnectionLost>(ends.client->reason));
}

BOOST_AUTO_TEST_CASE(closing_twice_or_after_an_abort_changes_nothing) {
    Ends ends;
    ends.at_client().lose_connection();
    ends.at_client().lose_connection();
    ends.at_client().lose_write_connection();
    ends.clock.advance({});
    const std::string once = ends.a->take_written();
    BOOST_TEST(once.size() == 5U + 2 + 1 + 16);  // a record of one alert
    ends.at_client().lose_connection();
    ends.clock.advance({});
    BOOST_TEST(ends.a->written() == "");
    ends.at_client().abort_connection();
    ends.at_client().lose_connection();
    BOOST_TEST(ends.a->aborted());
    ends.a->lose(make_failure(ConnectionAborted("aborted")));
    BOOST_TEST(ends.client->story() == "made lost: aborted");
    ends.at_client().lose_connection();
    ends.at_client().abort_connection();
    ends.clock.advance(1h);
}

BOOST_AUTO_TEST_CASE(their_close_notify_lets_us_finish_what_is_queued_before_ours) {
    Ends ends;
    const std::string text(300'000, 'x');
    ends.server->close_at_end = false;
    ends.client->close_at_end = false;
    ends.at_client().write(text);
    ends.clock.advance({});
    ends.at_server().lose_write_connection();
    ends.clock.advance({});
    ends.a->deliver(ends.b->take_written());
    BOOST_TEST(ends.client->story() == "made end");
    ends.at_client().lose_connection();
    for (int i = 0; i < 20; ++i)
        ends.carry();
    BOOST_TEST(ends.server->received.size() == text.size());
    BOOST_TEST(ends.server->story() == "made data end");
    BOOST_TEST(ends.a->disconnecting());
    BOOST_TEST(ends.b->disconnecting());
}

BOOST_AUTO_TEST_CASE(an_end_without_close_notify_is_a_truncation) {
    for (const bool by_loss : {false, true}) {
        Ends ends;
        ends.at_server().write("some");
        ends.carry();
        if (!by_loss) {
            ends.a->deliver_end();
            BOOST_TEST(ends.a->disconnecting());
        }
        ends.a->lose_cleanly();
        BOOST_TEST(ends.client->story() == "made data lost: broken");
        BOOST_TEST(is<TlsTruncated>(ends.client->reason));
        BOOST_TEST(is<ConnectionLost>(ends.client->reason));
    }
}

BOOST_AUTO_TEST_CASE(an_end_while_we_close_is_good_order) {
    Ends ends;
    ends.at_client().lose_connection();
    ends.clock.advance({});
    ends.a->deliver_end();
    BOOST_TEST(ends.a->disconnecting());
    ends.a->lose_cleanly();
    BOOST_TEST(is<ConnectionDone>(ends.client->reason));
}

BOOST_AUTO_TEST_CASE(one_direction_can_be_closed) {
    for (const TlsVersion version : versions) {
        Ends ends(version);
        ends.server->close_at_end = false;
        ends.at_client().write("question");
        ends.at_client().lose_write_connection();
        ends.at_client().write("too late");
        ends.carry();
        BOOST_TEST(ends.server->story() == "made data end");
        BOOST_TEST(ends.server->received == "question");
        BOOST_TEST(!ends.a->disconnecting());
        ends.at_server().write("answer");
        ends.carry();
        BOOST_TEST(ends.client->received == "answer");
        ends.at_server().lose_write_connection();
        ends.carry();
        BOOST_TEST(ends.a->disconnecting());
        BOOST_TEST(ends.b->disconnecting());
        ends.a->lose_cleanly();
        ends.b->lose_cleanly();
        BOOST_TEST(ends.client->story() == "made data end lost: done");
        BOOST_TEST(ends.server->story() == "made data end lost: done");
    }
}

BOOST_AUTO_TEST_CASE(their_half_may_end_below_too_while_we_still_write) {
    Ends ends;
    ends.server->close_at_end = false;
    ends.at_client().lose_write_connection();
    ends.carry();
    ends.b->deliver_end();
    ends.at_server().write("answer");
    ends.carry();
    BOOST_TEST(ends.client->received == "answer");
    BOOST_TEST(!ends.b->lost());
}

BOOST_AUTO_TEST_CASE(a_changed_record_breaks_the_connection) {
    Ends ends;
    ends.at_client().write("hello");
    ends.clock.advance({});
    std::string record = ends.a->take_written();
    record.back() = static_cast<char>(record.back() ^ 1);
    ends.b->deliver(record);
    BOOST_TEST(ends.b->disconnecting());
    ends.carry();  // the alert
    ends.b->lose_cleanly();
    ends.a->lose_cleanly();
    BOOST_TEST(is<TlsConnectionLost>(ends.server->reason));
    BOOST_TEST(is<TlsConnectionLost>(ends.client->reason));
    BOOST_TEST(text_of(ends.client->reason).find("bad record mac") != std::string::npos);
    BOOST_TEST(ends.server->received == "");
}

BOOST_AUTO_TEST_CASE(abort_goes_below_at_once_and_is_told_by_it) {
    Ends ends;
    ends.at_client().write("thrown away");
    ends.at_client().abort_connection();
    ends.at_client().abort_connection();
    BOOST_TEST(ends.a->aborted());
    BOOST_TEST(ends.client->story() == "made");
    ends.clock.advance({});
    BOOST_TEST(ends.a->written() == "");
    ends.a->lose(make_failure(ConnectionAborted("aborted")));
    BOOST_TEST(ends.client->story() == "made lost: aborted");
}

BOOST_AUTO_TEST_CASE(the_end_below_is_the_end_above_once_with_its_reason) {
    Ends ends;
    ends.a->lose_broken();
    BOOST_TEST(ends.client->story() == "made lost: broken");
    BOOST_TEST(text_of(ends.client->reason).find("reset by peer") != std::string::npos);
    ends.b.reset();  // as a reactor that is destroyed
    BOOST_TEST(ends.server->story() == "made lost: aborted");
    ends.clock.advance(1h);
}

BOOST_AUTO_TEST_CASE(what_a_callback_throws_is_the_reason) {
    for (const bool at_end : {false, true}) {
        Ends ends;
        auto& when = ends.server;
        when->when_data = [&](Recorder&, const Bytes&) {
            if (!at_end) throw std::runtime_error("oh no");
        };
        when->when_ended = [](Recorder&) { throw std::runtime_error("oh no"); };
        ends.at_client().write("x");
        ends.at_client().lose_connection();
        ends.carry();
        BOOST_TEST(ends.b->aborted());
        ends.b->lose_broken();
        BOOST_TEST(text_of(ends.server->reason).find("oh no") != std::string::npos);
        BOOST_TEST(ends.server->story() == (at_end ? "made data end lost: other" : "made data lost: other"));
    }
}

BOOST_AUTO_TEST_CASE(everything_may_go_from_inside_a_callback) {
    enum class When { made, data, ended, lost };
    for (const When when : {When::made, When::data, When::ended, When::lost}) {
        ManualClock clock;
        auto client = std::make_shared<Recorder>();
        const TlsPeer whom{"localhost"};
        auto a = std::make_unique<MemoryTransport>(tls_client(clock, TlsContext::client(trusting()), whom, client));
        auto server = std::make_shared<Recorder>();
        std::weak_ptr<Recorder> watched = server;
        auto b = std::make_unique<MemoryTransport>(tls_server(clock, TlsContext::server(serving()), server));
        const auto destroy = [&](Recorder&) {
            server.reset();
            b.reset();
        };
        auto* at = server.get();
        if (when == When::made) at->when_made = destroy;
        if (when == When::data) at->when_data = [&](Recorder& r, const Bytes&) { destroy(r); };
        if (when == When::ended) at->when_ended = destroy;
        if (when == When::lost) at->when_lost = destroy;
        const auto give = [&](const std::string& bytes) {
            if (b) b->deliver(bytes);
        };
        for (int i = 0; i < 5; ++i) {
            give(a->take_written());
            if (b) a->deliver(b->take_written());
            clock.advance({});
        }
        client->transport().write("some");
        client->transport().lose_connection();
        clock.advance({});
        give(a->take_written());
        if (b) b->lose_cleanly();
        clock.advance(1h);
        BOOST_TEST(watched.expired());
    }
}

BOOST_AUTO_TEST_CASE(a_close_from_any_callback_ends_well) {
    enum class When { made, data, ended };
    for (const When when : {When::made, When::data, When::ended}) {
        for (const bool abort : {false, true}) {
            TlsPair pair;
            const auto close = [abort](Recorder& r) {
                abort ? r.transport().abort_connection() : r.transport().lose_connection();
            };
            pair.prepare = [&](Recorder& server) {
                server.close_at_end = false;
                if (when == When::made) server.when_made = close;
                if (when == When::data) server.when_data = [close](Recorder& r, const Bytes&) { close(r); };
                if (when == When::ended) server.when_ended = close;
            };
            pair.client->when_made = [](Recorder& r) {
                r.transport().write("x");
                r.transport().lose_write_connection();
            };
            pair.start();
            pair.settle();
            BOOST_TEST(is<ConnectionClosed>(pair.client->reason));
            BOOST_TEST(is<ConnectionClosed>(pair.server().reason));
            BOOST_TEST(pair.network.open_connections() == 0U);
        }
    }
}

// --- back-pressure

BOOST_AUTO_TEST_CASE(a_slow_peer_holds_clear_text_not_cipher_text) {
    Ends ends;
    NotedProducer producer;
    ends.at_client().register_producer(producer);
    const Bytes large = Bytes::own(std::string(1'000'000, 'x'));
    ends.at_client().write(large);
    BOOST_TEST(producer.told == "pause ");
    ends.clock.advance({});
    BOOST_TEST(ends.a->written().size() < 200'000U);
    BOOST_TEST(ends.at_client().write_buffered() >= 1'000'000U);
    bool drained = false;
    Deferred<> waiting = ends.at_client().drained().add_callback([&] { drained = true; });
    std::size_t rounds = 0;
    while (ends.at_client().write_buffered() != 0) {
        BOOST_REQUIRE(++rounds < 100);
        BOOST_TEST(drained == (ends.at_client().write_buffered() <= Transport::default_low_water));
        ends.b->deliver(ends.a->take_written(50'000));
        ends.clock.advance({});
    }
    BOOST_TEST(drained);
    BOOST_TEST(producer.told == "pause resume ");
    BOOST_TEST(ends.server->received.size() == 1'000'000U);
    ends.at_client().unregister_producer();
}

BOOST_AUTO_TEST_CASE(a_pause_above_is_a_pause_below_and_nothing_is_delivered_from_inside_resume) {
    Ends ends;
    ends.at_server().pause_producing();
    BOOST_TEST(ends.b->reading_paused());
    ends.at_client().write(std::string(200'000, 'x'));
    ends.carry();
    BOOST_TEST(ends.server->received == "");
    ends.server->when_data = [](Recorder& r, const Bytes&) { r.transport().pause_producing(); };
    ends.at_server().resume_producing();
    BOOST_TEST(ends.server->received == "");
    std::size_t before = 0;
    for (int i = 0; i < 100 && ends.server->received.size() < 200'000; ++i) {
        ends.carry();
        BOOST_TEST(ends.server->received.size() > before);
        BOOST_TEST(ends.server->received.size() - before <= 64U * 1024);
        before = ends.server->received.size();
        BOOST_TEST(ends.b->reading_paused());
        ends.at_server().resume_producing();
        BOOST_TEST(ends.server->received.size() == before);
    }
    BOOST_TEST(ends.server->received.size() == 200'000U);
}

BOOST_AUTO_TEST_CASE(closing_while_paused_still_hears_their_close_notify) {
    Ends ends;
    ends.at_server().pause_producing();
    ends.at_client().write(std::string(100'000, 'x'));
    ends.carry();
    ends.at_server().lose_connection();
    ends.carry();
    BOOST_TEST(ends.server->received == "");
    BOOST_TEST(ends.a->disconnecting());
    BOOST_TEST(ends.b->disconnecting());
}

BOOST_AUTO_TEST_CASE(closing_waits_for_the_producer) {
    Ends ends;
    NotedProducer producer;
    ends.at_client().register_producer(producer);
    ends.at_client().write("first ");
    ends.at_client().lose_connection();
    ends.carry();
    ends.clock.advance(1h);
    BOOST_TEST(ends.server->story() == "made data");
    ends.at_client().write("second");
    ends.carry();
    BOOST_TEST(ends.server->received == "first second");
    ends.at_client().unregister_producer();
    ends.carry();
    BOOST_TEST(ends.server->story() == "made data end");
    BOOST_TEST(ends.a->disconnecting());
    BOOST_TEST(producer.told == "");
}

BOOST_AUTO_TEST_CASE(the_end_stops_producers_and_fails_who_waits) {
    Ends ends;
    NotedProducer producer;
    ends.at_client().register_producer(producer);
    ends.at_client().write(std::string(500'000, 'x'));
    ends.clock.advance({});
    std::optional<Failure> failed;
    Deferred<> waiting = ends.at_client().drained().add_errback([&](const Failure& why) { failed = why; });
    ends.a->lose_broken();
    BOOST_TEST(producer.told == "pause stop ");
    BOOST_TEST(is<ConnectionLost>(failed));
}

BOOST_AUTO_TEST_CASE(a_producer_that_throws_ends_the_connection) {
    struct Bad final : Producer {
        void pause_producing() override {}
        void resume_producing() override { throw std::runtime_error("cannot resume"); }
        void stop_producing() override {}
    };
    Bad bad;
    Ends ends;
    ends.at_client().register_producer(bad);
    ends.at_client().write(std::string(100'000, 'x'));
    ends.carry();
    BOOST_TEST(ends.a->aborted());
    ends.a->lose_broken();
    BOOST_TEST(text_of(ends.client->reason).find("cannot resume") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(water_marks_are_those_of_the_user) {
    Ends ends;
    NotedProducer producer;
    ends.at_client().set_write_watermarks(100, 1000);
    ends.at_client().register_producer(producer);
    ends.at_client().write(std::string(900, 'x'));
    BOOST_TEST(producer.told == "");
    ends.at_client().write(std::string(200, 'x'));
    BOOST_TEST(producer.told == "pause ");
    ends.clock.advance({});
    ends.a->take_written(1000);
    ends.clock.advance({});
    BOOST_TEST(producer.told == "pause ");
    ends.a->take_written();
    ends.clock.advance({});
    BOOST_TEST(producer.told == "pause resume ");
    BOOST_CHECK_THROW(ends.at_client().set_write_watermarks(5, 5), std::invalid_argument);
    ends.at_client().unregister_producer();
}

BOOST_AUTO_TEST_CASE(higher_marks_make_room_for_who_waits) {
    Ends ends;
    NotedProducer producer;
    ends.at_client().set_write_watermarks(100, 1000);
    ends.at_client().register_producer(producer);
    ends.at_client().write(std::string(5000, 'x'));
    ends.clock.advance({});
    BOOST_TEST(producer.told == "pause ");
    ends.at_client().set_write_watermarks(100'000, 500'000);
    ends.clock.advance({});
    BOOST_TEST(producer.told == "pause resume ");
    ends.at_client().write(std::string(600'000, 'x'));
    ends.a->take_written();
    ends.clock.advance({});
    BOOST_TEST(ends.a->written().size() > 400'000U);  // as much as the marks allow is made ready
    BOOST_TEST(ends.a->written().size() < 700'000U);
    ends.at_client().unregister_producer();
}

BOOST_AUTO_TEST_CASE(time_outs_are_those_of_the_transport_below) {
    Ends ends;
    ends.a->set_clock(ends.clock);
    ends.at_client().set_idle_timeout(10s);
    ends.clock.advance(20s);
    BOOST_TEST(is<ConnectionTimedOut>(ends.client->reason));
}
