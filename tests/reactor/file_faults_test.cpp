// Files while the system fails, and while the reactor that they are used with stops or is destroyed.
#define BOOST_TEST_MODULE file_faults
#include "plait/tests/reactor/file_faults.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "plait/reactor/files.hpp"
#include "plait/reactor/thread_pool.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"
#include "plait/tests/support/temporary_directory.hpp"

using namespace plait;
using namespace plait::testing;

namespace {

struct Files : FileFaultsGuard {
    support::TemporaryDirectory directory{"faults"};
    std::optional<Reactor> reactor{std::in_place};

    std::string path(const std::string& name = "file") const { return directory.path() / name; }
    std::string content() const { return support::read_file(path()); }
    template <typename T>
    T run(Deferred<T> deferred) {
        return reactor->run_until(std::move(deferred));
    }
    std::string run(Deferred<Bytes> deferred) { return reactor->run_until(std::move(deferred)).str(); }
    File open() { return run(open_file(*reactor, path(), OpenMode::create)); }

    /// A whole run that ends at once.
    void stop() {
        reactor->call_soon([this] { reactor->stop(); });
        reactor->run();
    }
    /// A write that a thread has begun, and that waits for the gate.
    Deferred<> begin(File& file) {
        Deferred<> begun = file.write_at(0, Bytes::borrow("begun"));
        run_until(*reactor, [] { return file_faults.pwrite.calls() == 1; });
        return begun;
    }
    static int next_descriptor() {
        const int next = ::dup(0);
        ::close(next);
        return next;
    }
};

auto saying(std::string_view text) {
    return [text](const std::exception& error) {
        BOOST_TEST_INFO(error.what());
        return says(error, text);
    };
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(file_faults_suite, Files)

BOOST_AUTO_TEST_CASE(interrupted_and_short_calls_lose_and_repeat_nothing) {
    const std::string text = numbered(10'000);
    for (const std::size_t most : {0U, 1000U, 7U}) {
        file_faults.pread.at_most(most);
        file_faults.pwrite.at_most(most);
        file_faults.pread.fail_with({EINTR, 0, EINTR, EINTR});
        file_faults.pwrite.fail_with({EINTR, 0, EINTR, EINTR});
        file_faults.pwritev2.fail_with({EINTR, EINTR});
        run(write_file(*reactor, path(), Bytes::copy(text)));
        BOOST_TEST((run(read_file(*reactor, path())) == text));
        File file = open();
        run(file.append(Bytes::borrow("more")));
        BOOST_TEST((content() == text + "more"));
    }
}

BOOST_AUTO_TEST_CASE(a_file_system_that_cannot_append_is_written_at_its_end) {
    support::write_file(path(), "here");
    File file = open();
    file_faults.pwritev2.fail_with({EOPNOTSUPP});
    run(file.append(Bytes::borrow(" and there")));
    BOOST_TEST(content() == "here and there");
}

BOOST_AUTO_TEST_CASE(what_a_disk_refuses_names_the_path_and_the_cause) {
    File file = open();
    file_faults.pread.fail_with({EIO});
    BOOST_CHECK_EXCEPTION(run(file.read_at(0, 1)), FileError, saying("cannot read " + path() + ": input/output error"));
    file_faults.pwrite.fail_with({ENOSPC});
    BOOST_CHECK_EXCEPTION(run(file.write_at(0, Bytes::borrow("x"))), NoSpaceLeft, saying("cannot write " + path()));
    file_faults.pwritev2.fail_with({EDQUOT});
    BOOST_CHECK_THROW(run(file.append(Bytes::borrow("x"))), NoSpaceLeft);
    file_faults.fsync.fail_with({EIO});
    BOOST_CHECK_EXCEPTION(run(file.sync()), FileError, saying("cannot sync " + path()));
    BOOST_TEST(run(file.size()) == 0U);  // it goes on
    file_faults.close.fail_with({EIO});
    BOOST_CHECK_EXCEPTION(run(file.close()), FileError, saying("cannot close " + path()));
    BOOST_CHECK_THROW(run(file.close()), FileClosed);  // closed it is
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_completed_leaves_the_old_one) {
    support::write_file(path(), "old");
    const auto refused = [&] {
        BOOST_CHECK_THROW(run(write_file(*reactor, path(), Bytes::borrow("new"), {.sync = true})), FileError);
        BOOST_TEST(content() == "old");
        const std::filesystem::directory_iterator all(directory.path());
        BOOST_TEST(std::distance(all, std::filesystem::directory_iterator()) == 1);
    };
    file_faults.pwrite.fail_with({ENOSPC});
    refused();
    file_faults.fsync.fail_with({EIO});
    refused();
    file_faults.close.fail_with({EIO});
    refused();
}

BOOST_AUTO_TEST_CASE(syncing_takes_the_file_and_the_directory_it_is_new_in) {
    run(write_file(*reactor, path(), Bytes::borrow("x")));
    BOOST_TEST(file_faults.fsync.calls() == 0);
    run(write_file(*reactor, path(), Bytes::borrow("x"), {.sync = true}));
    BOOST_TEST(file_faults.fsync.calls() == 2);
    run(write_file(*reactor, path(), Bytes::borrow("x"), {.replace = false, .sync = true}));
    BOOST_TEST(file_faults.fsync.calls() == 3);
    file_faults.fsync.fail_with({0, EIO});
    BOOST_CHECK_EXCEPTION(run(write_file(*reactor, path(), Bytes::borrow("y"), {.sync = true})), FileError,
                          saying("cannot sync the directory of " + path()));
}

// --- the end of the reactor

BOOST_AUTO_TEST_CASE(a_file_stays_open_when_its_reactor_stops) {
    File file = open();
    run(file.append(Bytes::borrow("before ")));
    for (int i = 0; i < 2; ++i) {
        stop();
        run(file.append(Bytes::borrow("after ")));
    }
    stop();
    Deferred<> between = file.append(Bytes::borrow("between"));
    run(std::move(between));
    run(file.close());
    BOOST_TEST(content() == "before after after between");
}

BOOST_AUTO_TEST_CASE(what_has_begun_when_its_reactor_stops_is_done_and_what_waits_is_not) {
    File file = open();
    Gate gate;
    std::string story;
    Deferred<> begun = begin(file).add_errback<ReactorStopped>([&](const ReactorStopped&) {
        story += "begun ";
        // Its thread is still at it, so that nothing else may be.
        BOOST_CHECK_EXCEPTION(file.size().take().value(), ReactorStopped, saying("its reactor is being stopped"));
        gate.open();
    });
    Deferred<> again;
    Deferred<> waiting =
        file.write_at(5, Bytes::borrow(" never")).add_errback<ReactorStopped>([&](const ReactorStopped& error) {
            BOOST_TEST(says(error, "nothing more is done with " + path()));
            story += "waiting ";
            again = file.truncate(0).add_errback<ReactorStopped>([&](const ReactorStopped&) { story += "again "; });
        });
    stop();
    BOOST_TEST(story == "waiting again begun ");
    BOOST_TEST(content() == "begun");
    run(file.append(Bytes::borrow("!")));
    BOOST_TEST(content() == "begun!");
}

BOOST_AUTO_TEST_CASE(a_close_that_was_not_done_can_be_asked_for_again) {
    File file = open();
    Gate gate;
    Deferred<> begun = begin(file).add_errback<ReactorStopped>([&](const ReactorStopped&) { gate.open(); });
    Deferred<> closing = file.close();
    BOOST_CHECK_THROW(file.size().take().value(), FileClosed);
    stop();
    BOOST_CHECK_THROW(closing.take().value(), ReactorStopped);
    BOOST_TEST(run(file.size()) == 5U);
    run(file.close());
    BOOST_CHECK_THROW(run(file.size()), FileClosed);

    File other = open();
    reactor->thread_pool().stop();
    BOOST_CHECK_THROW(other.close().take().value(), ThreadPoolStopped);
    reactor->thread_pool().start();
    run(other.close());
}

BOOST_AUTO_TEST_CASE(a_close_that_waits_is_done_although_nobody_waits_for_it) {
    const int before = next_descriptor();
    File file = open();
    {
        Gate gate;
        Deferred<> begun = begin(file);
        {
            const Deferred<> dropped = file.close();
        }
        gate.open();
        run(std::move(begun));
    }
    run_until(*reactor, [&] { return next_descriptor() == before; });
    BOOST_CHECK_THROW(run(file.size()), FileClosed);
}

BOOST_AUTO_TEST_CASE(a_file_outlives_a_reactor_that_had_stopped) {
    File file = open();
    stop();
    reactor.reset();
    BOOST_CHECK_THROW(file.size().take().value(), ReactorStopped);
    BOOST_CHECK_THROW(file.close().take().value(), ReactorStopped);
}

BOOST_AUTO_TEST_CASE(a_file_may_be_destroyed_while_its_reactor_stops_and_a_thread_is_at_it) {
    const int before = next_descriptor();
    {
        File file = open();
        Gate gate;
        Deferred<> begun = begin(file).add_errback<ReactorStopped>([&](const ReactorStopped&) {
            file = File();
            gate.open();
        });
        stop();
    }
    BOOST_TEST(content() == "begun");
    BOOST_TEST(next_descriptor() == before);
}

BOOST_AUTO_TEST_CASE(who_is_told_of_the_end_may_drop_and_cancel_what_waits_beside_it) {
    for (const bool destroy : {false, true}) {
        if (!reactor) reactor.emplace();
        file_faults.pwrite.reset();
        File file = open();
        Gate gate;
        int told = 0;
        Deferred<> dropped;
        Deferred<> cancelled;
        Deferred<> begun = begin(file).add_errback<Error>([](const Error&) {});
        Deferred<> first = file.write_at(0, Bytes::borrow("1")).add_errback<ReactorStopped>([&](const ReactorStopped&) {
            ++told;
            dropped = {};
            cancelled.cancel();
            file = File();
            gate.open();
        });
        dropped = file.write_at(0, Bytes::borrow("2")).add_errback<Error>([&](const Error&) { told += 100; });
        cancelled = file.write_at(0, Bytes::borrow("3")).add_errback<Cancelled>([&](const Cancelled&) { told += 10; });
        if (destroy) gate.open();  // which waits for the thread first
        destroy ? reactor.reset() : stop();
        BOOST_TEST(told == 11);
        BOOST_TEST(begun.ready());
    }
}

BOOST_AUTO_TEST_CASE(whole_files_fail_when_the_reactor_stops_and_are_read_in_the_next_run) {
    support::write_file(path(), "old");
    reactor->thread_pool().set_most_threads(1);
    Gate gate;
    Deferred<> writing =
        write_file(*reactor, path(), Bytes::borrow("new")).add_errback<ReactorStopped>([&](const ReactorStopped&) {
            gate.open();
        });
    run_until(*reactor, [] { return file_faults.pwrite.calls() == 1; });
    Deferred<Bytes> reading = read_file(*reactor, path());
    Deferred<File> opening = open_file(*reactor, path());
    stop();
    BOOST_TEST(writing.ready());
    BOOST_CHECK_THROW(reading.take().value(), ReactorStopped);
    BOOST_CHECK_THROW(opening.take().value(), ReactorStopped);
    BOOST_TEST(run(read_file(*reactor, path())) == "new");  // it had begun
}

BOOST_AUTO_TEST_SUITE_END()
