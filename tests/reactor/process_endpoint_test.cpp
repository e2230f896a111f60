// Programs as endpoints: what is heard of them, how they end, and what their end is called.
#define BOOST_TEST_MODULE process_endpoint
#include "plait/reactor/process_endpoint.hpp"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>

#include "plait/deferred/testing/outcomes.hpp"
#include "plait/reactor/client_service.hpp"
#include "plait/tests/reactor/process_fixture.hpp"
#include "plait/tests/reactor/reports.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

struct Fixture {
    Reactor reactor;
    std::shared_ptr<Recorder> client = std::make_shared<Recorder>();
    ProcessEndpointOptions more;

    std::shared_ptr<ClientEndpoint> endpoint(ProcessOptions options) {
        return process_client_endpoint(reactor, std::move(options), more);
    }
    Deferred<std::shared_ptr<Protocol>> connecting(ProcessOptions options) {
        return connect_protocol(*endpoint(std::move(options)), client);
    }
    void connect(const std::string& script) { reactor.run_until(connecting(shell(script))); }
    void wait(const std::function<bool()>& condition) { run_until(reactor, condition); }
    void wait_lost() {
        wait([&] { return client->reason.has_value(); });
    }
    void wait_until_nobody_is_left() { wait(no_children); }

    ExitStatus status() const {
        const auto* ended = client->reason->check<ProcessTerminated>();
        BOOST_REQUIRE_MESSAGE(ended != nullptr, client->reason->message());
        return ended->status();
    }
    bool said(std::string_view text) const { return client->reason->message().find(text) != std::string::npos; }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_program_is_talked_to_like_any_peer, Fixture) {
    ProcessOptions cat;
    cat.program = "cat";
    reactor.run_until(connecting(std::move(cat)));
    const std::string text = numbered(1'000'000);
    client->transport().write(Bytes::copy(text));
    wait([&] { return client->received.size() == text.size(); });
    BOOST_TEST((client->received == text));
    BOOST_TEST(client->transport().bytes_received() == text.size());
    BOOST_TEST(client->transport().bytes_sent() == text.size());
    BOOST_TEST(client->transport().peer().str().starts_with("cat (process "));
    BOOST_TEST(client->transport().host().str().starts_with("our end of cat (process "));
    client->transport().lose_connection();
    BOOST_TEST(client->transport().disconnecting());
    BOOST_TEST(!client->reason.has_value());
    wait_lost();
    BOOST_TEST(client->story() == "made data lost: done");
    BOOST_TEST(said("was closed in good order"));
    BOOST_TEST(no_children());
}

BOOST_FIXTURE_TEST_CASE(nothing_is_told_before_connect_has_returned, Fixture) {
    auto connected = connecting(shell("echo hello"));
    BOOST_TEST(!connected.ready());
    BOOST_TEST(client->story() == "");
    reactor.run_until(std::move(connected));
    BOOST_TEST(client->events.front() == "made");
    wait_lost();
}

BOOST_FIXTURE_TEST_CASE(exit_code_0_is_a_connection_closed_in_good_order, Fixture) {
    connect("echo all there is");
    wait_lost();
    BOOST_TEST(client->received == "all there is\n");
    BOOST_TEST(client->story() == "made data end lost: done");
}

BOOST_FIXTURE_TEST_CASE(another_code_is_the_reason_with_what_the_program_complained_of, Fixture) {
    connect("echo half; echo 'no such table' >&2; exit 3");
    wait_lost();
    BOOST_TEST(client->received == "half\n");
    BOOST_TEST(*status().exit_code == 3);
    BOOST_TEST(said("exited with code 3: no such table"));
}

BOOST_FIXTURE_TEST_CASE(of_many_complaints_the_last_are_quoted, Fixture) {
    connect("i=0; while [ $i -lt 400 ]; do echo \"complaint $i\" >&2; i=$((i+1)); done; exit 1");
    wait_lost();
    BOOST_TEST(said(": … "));
    BOOST_TEST(said("complaint 399"));
    BOOST_TEST(!said("complaint 300"));
    BOOST_TEST(client->reason->message().size() < 600u);
}

BOOST_FIXTURE_TEST_CASE(so_is_a_signal, Fixture) {
    connect("kill -9 $$");
    wait_lost();
    BOOST_TEST(*status().signal == SIGKILL);
}

BOOST_FIXTURE_TEST_CASE(last_words_are_heard_of_a_program_that_takes_nothing, Fixture) {
    connect("echo I am off");
    client->transport().write(Bytes::copy(numbered(1'000'000)));
    wait_lost();
    BOOST_TEST(client->received == "I am off\n");
    BOOST_TEST(client->reason->check<ConnectionLost>() != nullptr);
    BOOST_TEST(said("had not taken all that was written"));
}

BOOST_FIXTURE_TEST_CASE(what_is_written_to_one_that_closed_its_input_is_lost, Fixture) {
    const Gate gate;
    connect("exec 0<&-; echo deaf; " + gate.passed());
    wait([&] { return client->received == "deaf\n"; });
    settle(reactor);
    client->transport().write("hello?");
    settle(reactor);
    gate.open();
    wait_lost();
    BOOST_TEST(client->story() == "made data end lost: broken");
    BOOST_TEST(said("had not taken all that was written"));
}

BOOST_FIXTURE_TEST_CASE(ending_its_input_lets_it_answer, Fixture) {
    connect("exec sort");
    client->transport().write("pear\napple\n");
    client->transport().lose_write_connection();
    client->transport().write("too late\n");
    wait_lost();
    BOOST_TEST(client->received == "apple\npear\n");
    BOOST_TEST(client->story() == "made data end lost: done");
}

BOOST_FIXTURE_TEST_CASE(what_is_written_after_we_ended_its_input_is_no_loss, Fixture) {
    const Gate gate;
    connect("cat; " + gate.passed());
    client->transport().lose_write_connection();
    settle(reactor);
    client->transport().write("too late\n");
    settle(reactor);
    gate.open();
    wait_lost();
    BOOST_TEST(client->story() == "made end lost: done");
}

BOOST_FIXTURE_TEST_CASE(the_end_of_its_output_is_told_and_it_can_be_written_to, Fixture) {
    client->close_at_end = false;
    more.error_output = [this](const Bytes& data) { client->received += data.view(); };
    connect("exec 1>&-; read line; echo \"got $line\" >&2");
    wait([&] { return client->events.back() == "end"; });
    client->transport().write("it\n");
    wait([&] { return client->received == "got it\n"; });
    wait_lost();
    BOOST_TEST(client->story() == "made end lost: done");
}

BOOST_FIXTURE_TEST_CASE(error_output_that_is_not_named_is_read, Fixture) {
    std::string errors;
    more.error_output = [&](const Bytes& data) { errors += data.view(); };
    ProcessOptions options = shell("echo complaint >&2");
    options.descriptors.clear();
    options.descriptors.emplace(3, ChildDescriptor::null());
    reactor.run_until(connecting(std::move(options)));
    wait_lost();
    BOOST_TEST(errors == "complaint\n");
}

BOOST_FIXTURE_TEST_CASE(error_output_is_handed_over_dropped_or_ours, Fixture) {
    std::string errors;
    const auto script = "echo complaint >&2; echo answer";
    for (const int way : {0, 1, 2, 3}) {
        client = std::make_shared<Recorder>();
        ProcessOptions options = shell(script);
        more.error_output = nullptr;
        if (way == 1) more.error_output = [&](const Bytes& data) { errors += data.view(); };
        if (way == 2) options.descriptors.insert_or_assign(2, ChildDescriptor::null());
        int both[2] = {-1, -1};
        if (way == 3) {
            BOOST_REQUIRE(::pipe(both) == 0);
            options.descriptors.insert_or_assign(2, ChildDescriptor::inherited(both[1]));
        }
        const UniqueFd reader(both[0]);
        UniqueFd writer(both[1]);
        reactor.run_until(connecting(std::move(options)));
        wait_lost();
        BOOST_TEST(client->received == "answer\n");
        BOOST_TEST(client->story() == "made data end lost: done");
        if (way != 3) continue;
        writer.reset();
        char room[64];
        const ssize_t got = ::read(reader.get(), room, sizeof room);
        BOOST_TEST(std::string_view(room, static_cast<std::size_t>(got)) == "complaint\n");
    }
    BOOST_TEST(errors == "complaint\n");
}

BOOST_FIXTURE_TEST_CASE(what_the_receiver_of_errors_throws_is_reported_and_harms_nobody, Fixture) {
    Reports reports;
    more.error_output = [](const Bytes&) { throw Error("not interested"); };
    connect("echo complaint >&2; echo answer");
    wait_lost();
    BOOST_TEST(client->story() == "made data end lost: done");
    reports.expect(1);
}

// --- closing

BOOST_FIXTURE_TEST_CASE(closed_it_may_come_to_its_own_end, Fixture) {
    // it says much more than a pipe holds, to nobody: that must not stop it, and not end it by SIGPIPE
    connect("cat; i=0; while [ $i -lt 20000 ]; do echo 'a line that nobody wants'; i=$((i+1)); done; exit 0");
    client->transport().write("hello");
    client->transport().pause_producing();
    client->transport().lose_connection();
    client->transport().pause_producing();
    wait_lost();
    BOOST_TEST(client->received == "");
    BOOST_TEST(client->story() == "made lost: done");
}

BOOST_FIXTURE_TEST_CASE(all_that_was_written_reaches_it_before_it_is_closed, Fixture) {
    std::string count;
    more.error_output = [&](const Bytes& data) { count += data.view(); };
    connect("wc -c >&2");
    client->transport().write(Bytes::copy(numbered(3'000'000)));
    client->transport().lose_connection();
    wait_lost();
    BOOST_TEST(std::stoi(count) == 3'000'000);
    BOOST_TEST(client->story() == "made lost: done");
}

BOOST_FIXTURE_TEST_CASE(closed_it_may_exit_without_taking_all_which_is_a_loss, Fixture) {
    connect("exec sleep 0.05");
    client->transport().write(Bytes::copy(numbered(1'000'000)));
    client->transport().lose_connection();
    wait_lost();
    BOOST_TEST(client->story() == "made lost: broken");
}

BOOST_FIXTURE_TEST_CASE(closed_it_does_not_wait_for_what_it_started, Fixture) {
    more.grace = 1h;
    for (const bool exits_first : {false, true}) {
        client = std::make_shared<Recorder>();
        connect(exits_first ? "sleep 60 2>&- & exit 0" : "sleep 60 2>&- & cat; exit 0");
        if (exits_first) {
            wait(no_children);
            settle(reactor);
        }
        const TimePoint before = reactor.now();
        client->transport().lose_connection();
        wait_lost();
        BOOST_TEST((reactor.now() - before < 15s));
        BOOST_TEST(client->story() == "made lost: done");
    }
}

BOOST_FIXTURE_TEST_CASE(one_that_does_not_end_is_asked_to, Fixture) {
    more.grace = 30ms;
    connect("exec sleep 100");
    client->transport().lose_connection();
    wait_lost();
    BOOST_TEST(*status().signal == SIGTERM);
    BOOST_TEST(no_children());
}

BOOST_FIXTURE_TEST_CASE(one_that_talks_for_ever_too, Fixture) {
    more.grace = 30ms;
    connect("exec yes");
    wait([&] { return !client->received.empty(); });
    client->transport().lose_connection();
    wait_lost();
    BOOST_TEST(status().signal.has_value());
    BOOST_TEST(no_children());
}

BOOST_FIXTURE_TEST_CASE(one_that_takes_no_notice_is_killed, Fixture) {
    more.grace = 30ms;
    connect("trap '' TERM; echo ready; exec sleep 100");
    wait([&] { return client->received == "ready\n"; });
    client->transport().lose_connection();
    wait_lost();
    BOOST_TEST(*status().signal == SIGKILL);
}

BOOST_FIXTURE_TEST_CASE(one_that_never_takes_what_was_written_is_not_waited_for, Fixture) {
    more.grace = 30ms;
    connect("exec sleep 100");
    client->transport().write(Bytes::copy(numbered(1'000'000)));
    client->transport().lose_connection();
    wait_lost();
    BOOST_TEST(*status().signal == SIGTERM);
}

BOOST_FIXTURE_TEST_CASE(one_that_is_still_taking_it_is_waited_for, Fixture) {
    more.grace = 1s;
    std::string count;
    more.error_output = [&](const Bytes& data) { count += data.view(); };
    // a piece every 80 ms, for longer than the grace
    connect("i=0; while [ $i -lt 20 ]; do head -c 20000 >/dev/null; sleep 0.08; i=$((i+1)); done; wc -c >&2");
    client->transport().write(Bytes::copy(std::string(500'000, 'x')));
    client->transport().lose_connection();
    wait_lost();
    BOOST_TEST(client->story() == "made lost: done");
    BOOST_TEST(!count.empty());
}

BOOST_FIXTURE_TEST_CASE(aborted_it_is_killed_at_once, Fixture) {
    more.grace = 1h;
    connect("trap '' TERM; echo ready; exec sleep 100");
    wait([&] { return client->received == "ready\n"; });
    client->transport().write("never read");
    client->transport().abort_connection();
    BOOST_TEST(!client->reason.has_value());
    wait_lost();
    BOOST_TEST(client->story() == "made data lost: aborted");
    BOOST_TEST(no_children());
}

BOOST_FIXTURE_TEST_CASE(closed_and_then_aborted_it_is_aborted, Fixture) {
    connect("exec sleep 100");
    client->transport().lose_connection();
    settle(reactor);
    client->transport().abort_connection();
    wait_lost();
    BOOST_TEST(client->story() == "made lost: aborted");
}

BOOST_FIXTURE_TEST_CASE(one_that_closed_both_its_ends_has_hung_up, Fixture) {
    more.grace = 30ms;
    client->close_at_end = false;
    connect("exec 0<&- 1>&-; exec sleep 100");
    wait_lost();
    BOOST_TEST(client->story() == "made end lost: other");
    BOOST_TEST(*status().signal == SIGTERM);
}

BOOST_FIXTURE_TEST_CASE(what_it_started_is_heard_after_it_has_exited, Fixture) {
    connect("exec 3<&0; (read line <&3; echo \"late: $line\") & exit 0");
    wait([&] { return no_children(); });
    settle(reactor);
    BOOST_TEST(!client->reason.has_value());
    client->transport().write("hello\n");
    wait_lost();
    BOOST_TEST(client->received == "late: hello\n");
    BOOST_TEST(client->story() == "made data end lost: done");
}

BOOST_FIXTURE_TEST_CASE(what_it_started_is_not_waited_for_when_that_holds_its_errors_alone, Fixture) {
    more.grace = 30ms;
    connect("sleep 60 <&- >&- & echo done; exit 0");
    const TimePoint before = reactor.now();
    wait_lost();
    BOOST_TEST((reactor.now() - before < 15s));
    BOOST_TEST(client->story() == "made data end lost: done");
}

BOOST_FIXTURE_TEST_CASE(what_it_started_is_ended_with_it_when_it_leads_a_group, Fixture) {
    ProcessOptions options = shell("sleep 100 & echo $!; wait");
    options.new_group = true;
    reactor.run_until(connecting(std::move(options)));
    wait([&] { return client->received.ends_with("\n"); });
    const pid_t grandchild = std::stoi(client->received);
    client->transport().abort_connection();
    wait_lost();
    wait([&] { return gone(grandchild); });
}

// --- failures

BOOST_FIXTURE_TEST_CASE(a_program_that_cannot_be_started_fails_the_attempt, Fixture) {
    ProcessOptions options;
    options.program = "no-such-program-here";
    failure_of<ProgramNotFound>(connecting(std::move(options)));
    options = {};
    failure_of<std::invalid_argument>(connecting(std::move(options)));
    BOOST_TEST(client->story() == "");
}

BOOST_FIXTURE_TEST_CASE(a_factory_that_builds_nothing_starts_nothing, Fixture) {
    const auto none = make_factory([](const Address& peer) {
        BOOST_TEST(peer.ip == "sh");
        return nullptr;
    });
    failure_of<ConnectError>(endpoint(shell("exit 0"))->connect(none));
    const auto throws = make_factory([](const Address&) -> std::shared_ptr<Protocol> { throw Error("no"); });
    failure_of<Error>(endpoint(shell("exit 0"))->connect(throws));
    BOOST_TEST(no_children());
}

BOOST_FIXTURE_TEST_CASE(what_the_protocol_throws_ends_the_program_with_that_reason, Fixture) {
    client->when_made = [](Recorder&) { throw Error("not ready"); };
    BOOST_CHECK_EXCEPTION(connect("exec sleep 100"), Error,
                          [](const Error& error) { return says(error, "not ready"); });
    wait_lost();
    BOOST_TEST(client->story() == "made lost: other");

    client = std::make_shared<Recorder>();
    client->when_data = [](Recorder&, const Bytes&) { throw Error("not that"); };
    connect("echo something; exec sleep 100");
    wait_lost();
    BOOST_TEST(client->story() == "made data lost: other");
    BOOST_TEST(said("not that"));

    client = std::make_shared<Recorder>();
    client->when_ended = [](Recorder&) { throw Error("not yet"); };
    connect("exec 1>&-; exec sleep 100");
    wait_lost();
    BOOST_TEST(said("not yet"));
    BOOST_TEST(no_children());
}

BOOST_FIXTURE_TEST_CASE(given_up_before_it_is_connected_the_program_is_ended_and_nobody_is_told, Fixture) {
    {
        auto dropped = connecting(shell("exec sleep 100"));
        auto cancelled = connecting(shell("exec sleep 100"));
        cancelled.cancel();
        failure_of<Cancelled>(cancelled);
    }
    wait_until_nobody_is_left();
    BOOST_TEST(client->story() == "");
    BOOST_TEST(client.use_count() == 1);
}

BOOST_FIXTURE_TEST_CASE(one_given_up_that_takes_no_notice_is_killed, Fixture) {
    more.grace = 30ms;
    static_cast<void>(connecting(shell("trap '' TERM; while :; do sleep 0.01; done")));
    wait_until_nobody_is_left();
    BOOST_TEST(client->story() == "");
}

BOOST_FIXTURE_TEST_CASE(connection_made_may_drop_the_attempt_it_belongs_to, Fixture) {
    Deferred<std::shared_ptr<Protocol>> attempt;
    client->when_made = [&](Recorder& r) {
        attempt = {};
        r.transport().write("made all the same");
    };
    attempt = connecting(shell("exec cat"));
    wait([&] { return client->received == "made all the same"; });
    client->transport().lose_connection();
    wait_lost();
    BOOST_TEST(client->story() == "made data lost: done");
}

BOOST_FIXTURE_TEST_CASE(options_that_fit_no_connection_are_refused, Fixture) {
    const auto refused = [&](auto change) {
        ProcessOptions options = shell("exit 0");
        change(options);
        BOOST_CHECK_THROW(endpoint(std::move(options)), std::invalid_argument);
    };
    refused([](ProcessOptions& o) { o.terminal = WindowSize(); });
    refused([](ProcessOptions& o) { o.descriptors.insert_or_assign(0, ChildDescriptor::null()); });
    refused([](ProcessOptions& o) { o.descriptors.insert_or_assign(1, ChildDescriptor::written()); });
    refused([](ProcessOptions& o) { o.descriptors.insert_or_assign(2, ChildDescriptor::written()); });
    refused([](ProcessOptions& o) { o.descriptors.insert_or_assign(3, ChildDescriptor::read()); });
    refused([](ProcessOptions& o) { o.descriptors.insert_or_assign(3, ChildDescriptor::given(UniqueFd(::dup(0)))); });
}

BOOST_FIXTURE_TEST_CASE(every_connection_has_a_program_of_its_own_started_the_same_way, Fixture) {
    ProcessOptions options = shell("pwd; echo $WORD; echo $0; [ -e /proc/self/fd/5 ] && echo five");
    options.called = "another name";
    options.working_directory = "/";
    options.environment["WORD"] = "hello";
    options.descriptors.insert_or_assign(5, ChildDescriptor::null());
    const auto both = endpoint(std::move(options));
    for (const int time : {1, 2}) {
        client = std::make_shared<Recorder>();
        reactor.run_until(connect_protocol(*both, client));
        wait_lost();
        BOOST_TEST(client->received == "/\nhello\nanother name\nfive\n", time);
    }
}

// --- as a transport

BOOST_FIXTURE_TEST_CASE(it_waits_for_us_and_we_for_it, Fixture) {
    connect("exec cat");
    client->transport().pause_producing();
    NotedProducer producer;
    client->transport().register_producer(producer);
    const std::string text = numbered(2'000'000);
    client->transport().write(Bytes::copy(text));
    BOOST_TEST(producer.told == "pause ");
    settle(reactor);
    BOOST_TEST(client->received == "");
    BOOST_TEST(client->transport().write_buffered() > 1'000'000u);
    auto room = client->transport().drained();
    BOOST_TEST(!room.ready());
    client->transport().resume_producing();
    wait([&] { return client->received.size() == text.size(); });
    BOOST_TEST(producer.told == "pause resume ");
    success_of(room);
    client->transport().lose_connection();
    settle(reactor);
    BOOST_TEST(!client->reason.has_value());  // it waits for the producer
    client->transport().unregister_producer();
    wait_lost();
    BOOST_TEST(client->story() == "made data lost: done");
    BOOST_TEST((client->received == text));
}

BOOST_FIXTURE_TEST_CASE(time_outs_end_it, Fixture) {
    for (const bool idle : {true, false}) {
        client = std::make_shared<Recorder>();
        connect("exec sleep 100");
        client->transport().write(Bytes::copy(numbered(1'000'000)));
        idle ? client->transport().set_idle_timeout(30ms) : client->transport().set_write_timeout(30ms);
        wait_lost();
        BOOST_TEST(client->story() == "made lost: timed out");
        BOOST_TEST(said("sh (process "));
    }
    BOOST_TEST(no_children());
}

BOOST_FIXTURE_TEST_CASE(it_may_be_closed_aborted_and_let_go_from_every_callback, Fixture) {
    using Step = std::function<void(Recorder&)>;
    for (const Step& step : {Step([](Recorder& r) { r.transport().lose_connection(); }),
                             Step([](Recorder& r) { r.transport().abort_connection(); }),
                             Step([](Recorder& r) { r.transport().lose_write_connection(); })}) {
        for (const int callback : {0, 1, 2, 3}) {
            client = std::make_shared<Recorder>();
            if (callback == 0) client->when_made = step;
            if (callback == 1) client->when_data = [step](Recorder& r, const Bytes&) { step(r); };
            if (callback == 2) client->when_ended = step;
            if (callback == 3) client->when_lost = step;
            connect("echo hello; cat");
            if (callback > 1) client->transport().lose_write_connection();
            const std::weak_ptr<Recorder> watched = client;
            wait_lost();
            BOOST_TEST(client->reason.has_value());
            client.reset();
            settle(reactor);
            BOOST_TEST(watched.expired());
        }
    }
    BOOST_TEST(no_children());
}

BOOST_AUTO_TEST_CASE(destroying_the_reactor_aborts_it) {
    auto reactor = std::make_unique<Reactor>();
    auto client = std::make_shared<Recorder>();
    auto endpoint = process_client_endpoint(*reactor, shell("exec sleep 100"));
    reactor->run_until(connect_protocol(*endpoint, client));
    auto late = connect_protocol(*endpoint, std::make_shared<Recorder>());
    reactor.reset();
    BOOST_TEST(client->story() == "made lost: aborted");
    failure_of<ConnectError>(late);
    BOOST_TEST(no_children());
}

BOOST_FIXTURE_TEST_CASE(stopping_the_reactor_loses_it_and_asks_the_program_to_end, Fixture) {
    connect("exec sleep 100");
    reactor.call_when_running([&] { reactor.stop(); });
    reactor.run();
    BOOST_TEST(client->story() == "made lost: broken");
    BOOST_TEST(said("its reactor was stopped"));
    wait_until_nobody_is_left();
    BOOST_TEST(client->story() == "made lost: broken");
}

BOOST_FIXTURE_TEST_CASE(a_service_keeps_a_program_running, Fixture) {
    ClientServiceOptions options;
    options.backoff = {.initial = 1ms, .factor = 1, .cap = 1ms, .jitter = 0};
    std::vector<std::shared_ptr<Recorder>> clients;
    const auto factory = make_factory([&](const Address&) {
        clients.push_back(std::make_shared<Recorder>());
        return clients.back();
    });
    ClientService service(reactor, endpoint(shell("read line; echo \"$line $$\"; exit 1")), factory, options);
    service.start();
    for (const std::size_t time : {1, 2, 3}) {
        reactor.run_until(service.when_connected());
        BOOST_REQUIRE(clients.size() == time);
        const Recorder& program = *clients.back();
        program.transport().write("hello\n");
        wait([&] { return program.reason.has_value(); });
        BOOST_TEST(program.received.starts_with("hello "));
    }
    BOOST_TEST((clients[0]->received != clients[1]->received));
    reactor.run_until(service.stop());
    wait_until_nobody_is_left();
}
