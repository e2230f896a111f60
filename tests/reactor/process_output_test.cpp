#define BOOST_TEST_MODULE process_output
#include <boost/test/unit_test.hpp>
#include <csignal>

#include "plait/reactor/process_output.hpp"
#include "plait/tests/reactor/process_fixture.hpp"

using namespace plait;
using namespace plait::testing;

BOOST_FIXTURE_TEST_SUITE(process_output_suite, ProcessFixture)

BOOST_AUTO_TEST_CASE(the_output_of_a_program) {
    BOOST_TEST(reactor.run_until(process_output(reactor, shell("echo hello; echo not this >&2"))) == "hello\n");
    BOOST_TEST(no_children());
}

BOOST_AUTO_TEST_CASE(its_input_is_written_and_closed) {
    ProcessOptions options;
    options.program = "cat";
    const std::string text = numbered(500'000);
    BOOST_TEST((reactor.run_until(process_output(reactor, std::move(options), {.input = text})) == text));
}

BOOST_AUTO_TEST_CASE(a_program_that_does_not_read_its_input_is_no_failure) {
    const std::string text = numbered(500'000);
    BOOST_TEST(reactor.run_until(process_output(reactor, shell("echo deaf"), {.input = text})) == "deaf\n");
}

BOOST_AUTO_TEST_CASE(a_failing_program_fails_with_its_code_and_last_words) {
    BOOST_CHECK_EXCEPTION(
        reactor.run_until(process_output(reactor, shell("echo no such thing >&2; exit 3"))), ProcessTerminated,
        [](const auto& e) { return says(e, "sh exited with code 3: no such thing") && e.status().exit_code == 3; });
}

BOOST_AUTO_TEST_CASE(the_exit_code_of_a_program) {
    BOOST_TEST(reactor.run_until(process_value(reactor, shell("head -c 100000 /dev/zero; exit 4"))) == 4);
    BOOST_CHECK_THROW(reactor.run_until(process_value(reactor, shell("kill -9 $$"))), ProcessTerminated);
}

BOOST_AUTO_TEST_CASE(output_and_error_output_and_code) {
    const ProcessResult result =
        reactor.run_until(process_output_and_value(reactor, shell("echo a; echo b >&2; exit 2")));
    BOOST_TEST(result.output == "a\n");
    BOOST_TEST(result.error_output == "b\n");
    BOOST_TEST(result.exit_code == 2);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_started_fails_the_deferred) {
    ProcessOptions options;
    options.program = "plait-nosuch";
    Deferred<std::string> output = process_output(reactor, std::move(options));
    BOOST_CHECK_THROW(reactor.run_until(std::move(output)), ProgramNotFound);
    BOOST_CHECK_THROW(reactor.run_until(process_value(reactor, {})), std::invalid_argument);
    options = shell("exit");
    options.terminal = WindowSize{};
    BOOST_CHECK_THROW(reactor.run_until(process_value(reactor, std::move(options))), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_program_that_says_too_much_is_ended) {
    for (const char* script : {"exec cat /dev/zero", "exec cat /dev/zero >&2"}) {
        BOOST_CHECK_EXCEPTION(
            reactor.run_until(process_output(reactor, shell(script), {.most_output = 100'000})), ProcessOutputTooLong,
            [](const auto& e) { return says(e, "sh was ended: its ") && says(e, "the limit of 100000 bytes"); });
    }
    BOOST_TEST(no_children());
    BOOST_TEST(reactor.run_until(process_output(reactor, shell("printf 12345"), {.most_output = 5})) == "12345");
}

BOOST_AUTO_TEST_CASE(what_is_thrown_away_has_no_limit) {
    BOOST_TEST(reactor.run_until(process_value(reactor, shell("head -c 100000 /dev/zero"), {.most_output = 10})) == 0);
}

BOOST_AUTO_TEST_CASE(last_words_are_quoted_within_reason) {
    BOOST_CHECK_EXCEPTION(reactor.run_until(process_output(
                              reactor, shell("head -c 5000 /dev/zero | tr '\\0' x >&2; echo ' the end' >&2; exit 1"))),
                          ProcessTerminated, [](const auto& e) {
                              return says(e, "sh exited with code 1: … xxx") && says(e, "x the end") &&
                                     std::string(e.what()).size() < 500;
                          });
}

BOOST_AUTO_TEST_CASE(a_program_that_was_cancelled_is_over_although_others_hold_its_pipes) {
    Deferred<std::string> output = process_output(reactor, shell("sleep 60 & exec sleep 100"));
    settle(reactor);
    output.cancel();
    wait([&] { return reactor.dump().find("the output of sh") == std::string::npos; });
}

BOOST_AUTO_TEST_CASE(nothing_is_sent_to_a_program_that_ended_in_its_grace) {
    {
        const auto dropped = process_output(reactor, shell("exec sleep 100"), {.grace = std::chrono::milliseconds(50)});
        settle(reactor);
    }
    wait(no_children);
    reactor.run_until(reactor.sleep(std::chrono::milliseconds(70)));  // a report would fail this case
}

BOOST_AUTO_TEST_CASE(cancelling_asks_the_program_to_end) {
    Deferred<std::string> output = process_output(reactor, shell("trap 'exit 0' TERM; while :; do sleep 0.01; done"));
    settle(reactor);
    output.cancel();
    BOOST_CHECK_THROW(output.take().value(), Cancelled);
    wait(no_children);
}

BOOST_AUTO_TEST_CASE(dropping_ends_a_program_that_does_not_listen) {
    {
        const auto dropped = process_output(reactor, shell("trap '' TERM; echo deaf; while :; do sleep 0.01; done"),
                                            {.grace = std::chrono::milliseconds(50)});
        settle(reactor);
    }
    BOOST_TEST(!no_children());
    wait(no_children);
}

BOOST_AUTO_TEST_CASE(cancelling_ends_the_whole_group) {
    ProcessOptions options = shell("sleep 100 & sleep 100");
    options.new_group = true;
    Deferred<int> value = process_value(reactor, std::move(options));
    settle(reactor);
    value.cancel();
    wait(no_children);
}

BOOST_AUTO_TEST_CASE(a_time_limit_is_a_cancel) {
    BOOST_CHECK_THROW(reactor.run_until(process_output(reactor, shell("exec sleep 100"))
                                            .add_timeout(reactor, std::chrono::milliseconds(20), "sleeping")),
                      TimeoutError);
    wait(no_children);
}

BOOST_AUTO_TEST_CASE(the_end_of_the_reactor_fails_it) {
    Deferred<std::string> output;
    {
        Reactor other;
        output = process_output(other, shell("exec sleep 100"));
        settle(other);
    }
    BOOST_CHECK_EXCEPTION(output.take().value(), ReactorStopped,
                          [](const auto& e) { return says(e, "sh was ended: its reactor was stopped before"); });
    BOOST_TEST(no_children());
}

BOOST_AUTO_TEST_CASE(a_reactor_that_stops_fails_it_and_ends_the_program) {
    // Without pipes, too, nothing half said is taken for the whole.
    for (const bool pipes : {true, false}) {
        ProcessOptions options = shell("echo half; exec sleep 100");
        if (!pipes) options.descriptors.clear();
        Deferred<std::string> output = process_output(reactor, std::move(options));
        settle(reactor);
        reactor.call_soon([&] { reactor.stop(); });
        reactor.run();
        BOOST_CHECK_THROW(output.take().value(), ReactorStopped);
        wait(no_children);
        BOOST_TEST(reactor.dump().find("the output of") == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(the_owner_of_the_deferred_may_be_destroyed_in_its_callback) {
    struct Owner {
        Deferred<> work;
    };
    auto owner = std::make_unique<Owner>();
    bool called = false;
    owner->work = process_output(reactor, shell("echo x")).add_callback([&](const std::string&) {
        called = true;
        owner.reset();
    });
    wait([&] { return called; });
    wait(no_children);
}

BOOST_AUTO_TEST_SUITE_END()
