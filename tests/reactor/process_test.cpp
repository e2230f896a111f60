#define BOOST_TEST_MODULE process
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <thread>

#include "plait/tests/reactor/process_fixture.hpp"
#include "plait/tests/reactor/reports.hpp"

using namespace plait;
using namespace plait::testing;

BOOST_FIXTURE_TEST_SUITE(process, ProcessFixture)

BOOST_AUTO_TEST_CASE(a_process_that_exits_with_0_is_done) {
    run(shell("echo out; echo err >&2"));
    BOOST_TEST(child->out == "out\n");
    BOOST_TEST(child->err == "err\n");
    BOOST_TEST(child->ended->check<ProcessDone>() != nullptr);
    BOOST_TEST((child->status() == ExitStatus{0, std::nullopt, false}));
    BOOST_TEST(child->events.front() == "made");
    BOOST_TEST(child->events.back() == "ended");
    for (const char* event : {"exited", "closed 0", "closed 1", "closed 2"})
        BOOST_TEST(std::count(child->events.begin(), child->events.end(), event) == 1);
    BOOST_TEST(no_children());
}

BOOST_AUTO_TEST_CASE(another_exit_code_is_a_termination) {
    run(shell("exit 7"));
    BOOST_TEST((child->status() == ExitStatus{7, std::nullopt, false}));
    BOOST_TEST(child->ended->check<ProcessTerminated>() != nullptr);
    BOOST_TEST(says(*child->ended->exception(), "exited with code 7"));
    BOOST_TEST(child->exited->same_exception(*child->ended));
}

BOOST_AUTO_TEST_CASE(so_is_a_signal) {
    child->when_made = [](ProcessRecorder& r) { r.transport().signal_process("TERM"); };
    run(shell("exec sleep 100"));
    BOOST_TEST((child->status() == ExitStatus{std::nullopt, SIGTERM, false}));
    BOOST_TEST(says(*child->ended->exception(), "was ended by SIGTERM"));
}

BOOST_AUTO_TEST_CASE(nothing_is_called_before_spawning_has_returned) {
    spawn_process(reactor, shell("echo hello"), child);
    BOOST_TEST(child->events.empty());
    BOOST_TEST(child->connected());
    BOOST_TEST(*child->transport().pid() > 0);
    wait_ended();
    BOOST_TEST(!child->connected());
    BOOST_CHECK_THROW(child->transport(), InvalidState);
}

BOOST_AUTO_TEST_CASE(what_is_written_is_read_by_the_child_until_its_input_is_closed) {
    ProcessOptions options;
    options.program = "cat";
    spawn_process(reactor, std::move(options), child);
    const std::string text = numbered(1'000'000);
    child->transport().write(Bytes::copy(text));
    child->transport().write_to_child(0, "the end");
    child->transport().close_stdin();
    wait_ended();
    BOOST_TEST((child->out == text + "the end"));
    BOOST_TEST(child->status().success());
}

BOOST_AUTO_TEST_CASE(further_descriptors_go_both_ways) {
    ProcessOptions options = shell("cat <&4 >&5");
    options.descriptors.emplace(4, ChildDescriptor::written());
    options.descriptors.emplace(5, ChildDescriptor::read());
    spawn_process(reactor, std::move(options), child);
    child->transport().write_to_child(4, "by the fourth");
    child->transport().close_descriptor(4);
    wait_ended();
    BOOST_TEST(child->others == "by the fourth");
}

BOOST_AUTO_TEST_CASE(a_descriptor_that_is_not_there_is_an_error_and_a_closed_one_swallows) {
    ProcessOptions options;
    options.program = "cat";
    options.descriptors.emplace(7, ChildDescriptor::null());
    spawn_process(reactor, std::move(options), child);
    BOOST_CHECK_EXCEPTION(child->transport().write_to_child(3, "x"), UsageError,
                          [](const auto& e) { return says(e, "has no descriptor 3"); });
    BOOST_CHECK_THROW(child->transport().write_to_child(7, "x"), UsageError);
    child->transport().close_descriptor(7);
    child->transport().close_stdin();
    child->transport().write("too late");
    child->when_exited = [](ProcessRecorder& r) { r.transport().write("later still"); };
    wait_ended();
    BOOST_TEST(child->out.empty());
}

BOOST_AUTO_TEST_CASE(an_exit_is_told_of_while_a_descriptor_is_open_and_the_end_when_none_is) {
    spawn_process(reactor, shell("sleep 100 <&- & echo $!"), child);
    wait([&] { return child->has("exited"); });
    settle(reactor);
    BOOST_TEST(!child->has("ended"));
    BOOST_TEST(!child->transport().pid());
    BOOST_TEST(child->transport().status()->success());
    ::kill(std::stoi(child->out), SIGKILL);
    wait_ended();
}

BOOST_AUTO_TEST_CASE(closing_everything_lets_a_process_end_that_somebody_elses_descriptors_would_hold) {
    spawn_process(reactor, shell("sleep 100 & echo $!"), child);
    wait([&] { return child->has("exited") && !child->out.empty(); });
    child->transport().lose_connection();
    child->transport().lose_connection();
    wait_ended();
    ::kill(std::stoi(child->out), SIGKILL);
}

BOOST_AUTO_TEST_CASE(a_child_that_closes_its_input_is_noticed) {
    spawn_process(reactor, shell("exec <&-; sleep 100"), child);
    wait([&] { return child->has("closed 0"); });
    BOOST_TEST(!child->has("exited"));
    child->transport().write("into the void");
    child->transport().signal_process(SIGKILL);
    child->transport().lose_connection();
    wait_ended();
}

// --- back-pressure

BOOST_AUTO_TEST_CASE(a_paused_child_has_to_wait) {
    spawn_process(reactor, shell("head -c 1000000 /dev/zero; echo done >&2"), child);
    child->transport().descriptor(1).pause_producing();
    settle(reactor);
    BOOST_TEST(child->out.empty());
    BOOST_TEST(child->err.empty());
    child->transport().descriptor(1).resume_producing();
    wait_ended();
    BOOST_TEST(child->out.size() == 1'000'000u);
    BOOST_TEST(child->err == "done\n");
}

BOOST_AUTO_TEST_CASE(all_descriptors_are_paused_together) {
    spawn_process(reactor, shell("echo out; echo err >&2"), child);
    child->transport().pause_producing();
    wait([&] { return child->has("exited"); });
    settle(reactor);
    BOOST_TEST((child->out + child->err).empty());
    child->transport().resume_producing();
    wait_ended();
    BOOST_TEST(child->out + child->err == "out\nerr\n");
}

BOOST_AUTO_TEST_CASE(a_child_that_does_not_read_makes_its_writer_wait) {
    ProcessOptions options = shell("read go <&3; cat > /dev/null");
    options.descriptors.emplace(3, ChildDescriptor::written());
    spawn_process(reactor, std::move(options), child);
    Transport& input = child->transport().descriptor(0);
    NotedProducer producer;
    input.register_producer(producer);
    input.write(Bytes::own(std::string(500'000, 'x')));
    BOOST_TEST(producer.told == "pause ");
    Deferred<> drained = input.drained();
    settle(reactor);
    BOOST_TEST(!drained.ready());
    child->transport().write_to_child(3, "go\n");
    reactor.run_until(std::move(drained));
    BOOST_TEST(producer.told == "pause resume ");
    input.unregister_producer();
    child->transport().close_stdin();
    wait_ended();
}

// --- exceptions and ends in callbacks

BOOST_AUTO_TEST_CASE(an_exception_from_data_closes_that_descriptor_and_from_others_is_reported) {
    Reports reports;
    child->when_made = [](ProcessRecorder&) { throw std::runtime_error("made"); };
    child->when_data = [](ProcessRecorder&) { throw std::runtime_error("data"); };
    child->when_exited = [](ProcessRecorder&) { throw std::runtime_error("exited"); };
    child->when_ended = [](ProcessRecorder&) { throw std::runtime_error("ended"); };
    run(shell("echo out"));
    BOOST_TEST(child->has("closed 1"));
    reports.expect(3);
}

BOOST_AUTO_TEST_CASE(a_protocol_nobody_keeps_lives_as_long_as_its_process) {
    std::weak_ptr<ProcessRecorder> weak = child;
    bool ended = false;
    child->when_ended = [&](ProcessRecorder&) { ended = true; };
    spawn_process(reactor, shell("exit 0"), std::move(child));
    BOOST_TEST(!weak.expired());
    wait([&] { return weak.expired(); });
    BOOST_TEST(ended);
    BOOST_TEST(no_children());
}

BOOST_AUTO_TEST_CASE(calls_from_inside_every_callback_are_safe) {
    const auto everything = [](ProcessRecorder& r) {
        ProcessTransport& process = r.transport();
        process.write("x");
        process.pause_producing();
        process.resume_producing();
        process.lose_connection();
        if (process.pid()) process.signal_process("KILL");
    };
    for (int where = 0; where < 4; ++where) {
        child = std::make_shared<ProcessRecorder>();
        (where == 0   ? child->when_made
         : where == 1 ? child->when_data
         : where == 2 ? child->when_exited
                      : child->when_ended) = everything;
        run(shell(where < 2 ? "echo hello; exec sleep 100" : "echo hello"));
        BOOST_TEST(no_children());
    }
}

BOOST_AUTO_TEST_CASE(a_new_process_may_be_started_from_every_callback) {
    std::vector<std::shared_ptr<ProcessRecorder>> more;
    const auto another = [&](ProcessRecorder&) {
        more.push_back(std::make_shared<ProcessRecorder>());
        spawn_process(reactor, shell("echo more"), more.back());
    };
    child->when_made = child->when_data = child->when_exited = child->when_ended = another;
    run(shell("echo first"));
    for (std::size_t i = 0; i < more.size(); ++i)
        wait([&] { return more[i]->ended.has_value(); });
    BOOST_TEST(more.size() == 4u);
    BOOST_TEST(no_children());
}

// --- signals

BOOST_AUTO_TEST_CASE(a_signal_to_what_has_exited_is_a_typed_failure) {
    bool refused = false;
    child->when_exited = [&](ProcessRecorder& r) {
        BOOST_CHECK_THROW(r.transport().signal_process(SIGTERM), ProcessExitedAlready);
        BOOST_CHECK_EXCEPTION(r.transport().signal_process("HUP"), ProcessExitedAlready, [](const auto& e) {
            return says(e, "cannot send SIGHUP to sh (process ") && says(e, "it has exited");
        });
        refused = true;
    };
    run(shell("exit 0"));
    BOOST_TEST(refused);
}

BOOST_AUTO_TEST_CASE(signals_have_names_and_what_has_none_is_refused) {
    spawn_process(reactor, shell("exec sleep 100"), child);
    BOOST_CHECK_THROW(child->transport().signal_process("PLEASE"), std::invalid_argument);
    BOOST_CHECK_THROW(child->transport().signal_process(4711), std::invalid_argument);
    BOOST_CHECK_THROW(child->transport().signal_group(SIGTERM), UsageError);
    child->transport().signal_process("SIGKILL");
    wait_ended();
    BOOST_TEST(*child->status().signal == SIGKILL);
}

BOOST_AUTO_TEST_CASE(a_signal_to_the_group_reaches_grandchildren) {
    ProcessOptions options = shell("sleep 100 & sleep 100");
    options.new_group = true;
    child->when_made = [](ProcessRecorder& r) { r.transport().signal_group(SIGKILL); };
    run(std::move(options));
    BOOST_TEST(*child->status().signal == SIGKILL);
}

// --- the end of the reactor

BOOST_AUTO_TEST_CASE(children_are_killed_and_reaped_with_their_reactor) {
    {
        Reactor other;
        spawn_process(other, shell("exec sleep 100"), child);
        settle(other);
    }
    BOOST_TEST(child->has("exited"));
    BOOST_TEST(child->events.back() == "ended");
    BOOST_TEST(*child->status().signal == SIGKILL);
    BOOST_TEST(!child->connected());
    BOOST_TEST(no_children());
}

BOOST_AUTO_TEST_CASE(so_are_those_nobody_ever_listened_to) {
    {
        Reactor other;
        spawn_process(other, shell("exec sleep 100"), child);
    }
    BOOST_TEST(child->events.front() == "made");
    BOOST_TEST(child->events.back() == "ended");
    BOOST_TEST(no_children());
}

BOOST_AUTO_TEST_CASE(and_those_that_have_exited_but_are_not_over) {
    {
        Reactor other;
        ProcessOptions options = shell("sleep 100 & exit 3");
        options.new_group = true;
        spawn_process(other, std::move(options), child);
        run_until(other, [&] { return child->has("exited"); });
        BOOST_TEST(!child->has("ended"));
    }
    BOOST_TEST(*child->status().exit_code == 3);
    BOOST_TEST(no_children());
}

BOOST_AUTO_TEST_CASE(nothing_is_started_while_the_reactor_is_being_destroyed) {
    bool refused = false;
    {
        Reactor other;
        child->when_exited = [&](ProcessRecorder&) {
            BOOST_CHECK_THROW(spawn_process(other, shell("exit"), child), SpawnError);
            refused = true;
        };
        spawn_process(other, shell("exec sleep 100"), child);
    }
    BOOST_TEST(refused);
}

BOOST_AUTO_TEST_CASE(stopping_closes_the_pipes_and_leaves_the_child_alone) {
    spawn_process(reactor, shell("cat; exit 4"), child);
    settle(reactor);
    const pid_t pid = *child->transport().pid();
    stop();
    for (const char* event : {"closed 0", "closed 1", "closed 2"})
        BOOST_TEST(child->has(event));
    BOOST_TEST(!child->has("ended"));
    BOOST_TEST(child->connected());
    BOOST_TEST(::kill(pid, 0) == 0);
    child->transport().write("nobody hears it");
    wait_ended();  // of its own accord, at the end of its input
    BOOST_TEST((child->status() == ExitStatus{4, std::nullopt, false}));
    BOOST_TEST(no_children());
}

BOOST_AUTO_TEST_CASE(a_child_that_outlives_runs_can_be_signalled_in_each) {
    spawn_process(reactor, shell("exec sleep 100"), child);
    for (int i = 0; i < 3; ++i)
        stop();
    BOOST_TEST(!child->has("exited"));
    child->transport().signal_process("TERM");
    wait_ended();
    BOOST_TEST(*child->status().signal == SIGTERM);
    for (const char* event : {"made", "closed 0", "closed 1", "closed 2", "exited", "ended"})
        BOOST_TEST(std::count(child->events.begin(), child->events.end(), event) == 1);
}

BOOST_AUTO_TEST_CASE(stopping_before_anything_was_told_keeps_the_order) {
    reactor.call_soon([&] {
        spawn_process(reactor, shell("exec sleep 100"), child);
        reactor.stop();
    });
    reactor.run();
    BOOST_TEST(child->events.front() == "made");
    child->transport().signal_process("KILL");
    wait_ended();
}

BOOST_AUTO_TEST_CASE(a_child_that_had_exited_is_over_when_the_reactor_stops) {
    spawn_process(reactor, shell("sleep 100 & echo $!; exit 3"), child);
    wait([&] { return child->has("exited") && !child->out.empty(); });
    stop();
    BOOST_TEST(child->has("ended"));
    BOOST_TEST(*child->status().exit_code == 3);
    ::kill(std::stoi(child->out), SIGKILL);
}

BOOST_AUTO_TEST_CASE(a_reactor_that_stopped_kills_what_still_runs_when_it_is_destroyed) {
    {
        Reactor other;
        spawn_process(other, shell("exec sleep 100"), child);
        other.call_soon([&] { other.stop(); });
        other.run();
        BOOST_TEST(!child->has("exited"));
    }
    BOOST_TEST(*child->status().signal == SIGKILL);
    BOOST_TEST(child->events.back() == "ended");
    BOOST_TEST(no_children());
}

BOOST_AUTO_TEST_CASE(a_group_is_killed_with_its_reactor) {
    UniqueFd in, out;
    {
        int both[2];
        BOOST_REQUIRE(::pipe2(both, O_CLOEXEC) == 0);
        in.reset(both[0]);
        out.reset(both[1]);
        Reactor other;
        ProcessOptions options = shell("sleep 100 & echo ready; sleep 100");
        options.new_group = true;
        options.descriptors.emplace(3, ChildDescriptor::given(std::move(out)));
        spawn_process(other, std::move(options), child);
        run_until(other, [&] { return child->out == "ready\n"; });
    }
    char none = 0;
    BOOST_TEST(::read(in.get(), &none, 1) == 0);  // whoever held the other end has gone
}

BOOST_AUTO_TEST_CASE(a_reactor_says_that_it_waits_for_a_process) {
    spawn_process(reactor, shell("exec sleep 100"), child);
    const std::string name = "sh (process " + std::to_string(*child->transport().pid()) + ")";
    BOOST_TEST(reactor.dump().find(name + " to exit") != std::string::npos);
    BOOST_TEST(reactor.dump().find("descriptor 1 of " + name) != std::string::npos);
    child->transport().signal_process("KILL");
    wait_ended();
}

BOOST_AUTO_TEST_CASE(a_protocol_has_one_process_at_a_time) {
    spawn_process(reactor, shell("exit 0"), child);
    BOOST_CHECK_THROW(spawn_process(reactor, shell("exit 1"), child), UsageError);
    wait_ended();
    child->ended.reset();
    run(shell("exit 2"));
    BOOST_TEST(*child->status().exit_code == 2);
}

BOOST_AUTO_TEST_CASE(reactors_in_several_threads_have_children_of_their_own) {
    std::vector<std::thread> threads;
    std::atomic<int> good = 0;
    for (int thread = 0; thread < 3; ++thread) {
        threads.emplace_back([&good, thread] {
            Reactor own;
            for (int i = 0; i < 10; ++i) {
                const auto mine = std::make_shared<ProcessRecorder>();
                spawn_process(own, shell("exit " + std::to_string(thread * 10 + i)), mine);
                run_until(own, [&] { return mine->ended.has_value(); });
                if (*mine->status().exit_code == thread * 10 + i) ++good;
            }
        });
    }
    for (std::thread& each : threads)
        each.join();
    BOOST_TEST(good == 30);
    BOOST_TEST(no_children());
}

BOOST_AUTO_TEST_CASE(many_children_at_once_are_all_reaped) {
    std::vector<std::shared_ptr<ProcessRecorder>> children;
    for (int i = 0; i < 40; ++i) {
        children.push_back(std::make_shared<ProcessRecorder>());
        spawn_process(reactor, shell("exit " + std::to_string(i)), children.back());
    }
    for (std::size_t i = 0; i < children.size(); ++i) {
        wait([&] { return children[i]->ended.has_value(); });
        BOOST_TEST(static_cast<std::size_t>(*children[i]->status().exit_code) == i);
    }
    BOOST_TEST(no_children());
}

BOOST_AUTO_TEST_SUITE_END()
