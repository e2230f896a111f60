#define BOOST_TEST_MODULE files
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <csignal>
#include <filesystem>

#include "plait/reactor/files.hpp"
#include "plait/reactor/thread_pool.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"
#include "plait/tests/support/temporary_directory.hpp"

using namespace plait;
using namespace plait::testing;

namespace {

struct Files {
    support::TemporaryDirectory directory{"files"};
    Reactor reactor;

    std::string path(const std::string& name = "file") const { return directory.path() / name; }
    std::string content(const std::string& name = "file") const { return support::read_file(path(name)); }
    template <typename T>
    T run(Deferred<T> deferred) {
        return reactor.run_until(std::move(deferred));
    }
    std::string run(Deferred<Bytes> deferred) { return reactor.run_until(std::move(deferred)).str(); }
    File open(OpenMode mode) { return run(open_file(reactor, path(), mode)); }
    std::size_t entries() const {
        const std::filesystem::directory_iterator all(directory.path());
        return static_cast<std::size_t>(std::distance(begin(all), end(all)));
    }
    /// All of the pool's threads wait until what this returns is closed.
    UniqueFd stop_the_pool() {
        int both[2];
        BOOST_REQUIRE(::pipe2(both, O_CLOEXEC) == 0);
        reactor.thread_pool().set_most_threads(1);
        reactor.thread_pool().call([in = UniqueFd(both[0])] {
            char none = 0;
            static_cast<void>(::read(in.get(), &none, 1));
        });
        return UniqueFd(both[1]);
    }
};

auto saying(std::string_view text) {
    return [text](const std::exception& error) {
        BOOST_TEST_INFO(error.what());
        return says(error, text);
    };
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(files, Files)

// --- whole files

BOOST_AUTO_TEST_CASE(what_is_written_is_read) {
    const std::string text = numbered(3'000'000);
    run(write_file(reactor, path(), Bytes::copy(text)));
    BOOST_TEST((run(read_file(reactor, path())) == text));
    BOOST_TEST(entries() == 1u);
    run(write_file(reactor, path(), Bytes()));
    BOOST_TEST(run(read_file(reactor, path())).empty());
}

BOOST_AUTO_TEST_CASE(files_without_a_size_are_read_to_their_end) {
    BOOST_TEST(run(read_file(reactor, "/proc/self/status")).find("Threads:") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_larger_than_allowed_is_refused_and_one_that_is_not_is_not) {
    support::write_file(path(), "12345");
    BOOST_TEST(run(read_file(reactor, path(), 5)) == "12345");
    BOOST_CHECK_EXCEPTION(run(read_file(reactor, path(), 4)), FileTooLarge,
                          saying("cannot read " + path() + ": it holds more than the 4 bytes allowed"));
}

BOOST_AUTO_TEST_CASE(replacing_keeps_the_mode_and_what_others_have_open) {
    support::write_file(path(), "old");
    ::chmod(path().c_str(), 0640);
    File old = open(OpenMode::read);
    run(write_file(reactor, path(), Bytes::borrow("new"), {.sync = true}));
    BOOST_TEST(content() == "new");
    BOOST_TEST(run(old.read_at(0, 10)) == "old");
    struct stat about{};
    ::stat(path().c_str(), &about);
    BOOST_TEST((about.st_mode & 0777) == 0640u);
}

BOOST_AUTO_TEST_CASE(writing_in_place_changes_what_others_have_open) {
    support::write_file(path(), "a longer old one");
    File old = open(OpenMode::read);
    run(write_file(reactor, path(), Bytes::borrow("new"), {.replace = false, .sync = true}));
    BOOST_TEST(run(old.read_at(0, 100)) == "new");
}

BOOST_AUTO_TEST_CASE(a_new_file_has_the_mode_asked_for_less_the_umask) {
    const mode_t before = ::umask(027);
    run(write_file(reactor, path("replaced"), Bytes(), {.mode = 0666}));
    run(write_file(reactor, path("in place"), Bytes(), {.replace = false, .mode = 0666}));
    ::umask(before);
    for (const char* name : {"replaced", "in place"}) {
        struct stat about{};
        ::stat(path(name).c_str(), &about);
        BOOST_TEST((about.st_mode & 0777) == 0640u);
    }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_names_the_path_and_the_cause) {
    BOOST_CHECK_EXCEPTION(run(read_file(reactor, path("none"))), FileNotFound,
                          saying("cannot read " + path("none") + ": no such file or directory"));
    BOOST_CHECK_THROW(run(write_file(reactor, path("none/file"), Bytes())), FileNotFound);
    BOOST_CHECK_EXCEPTION(run(read_file(reactor, directory.path())), NotAFile, saying("it is no regular file"));
    BOOST_CHECK_THROW(run(write_file(reactor, directory.path(), Bytes())), NotAFile);
    BOOST_CHECK_THROW(run(write_file(reactor, directory.path(), Bytes(), {.replace = false})), NotAFile);
    BOOST_CHECK_THROW(run(read_file(reactor, std::string("a\0b", 3))), FileNotFound);
    BOOST_CHECK_THROW(run(write_file(reactor, "", Bytes())), FileNotFound);
    BOOST_CHECK_EXCEPTION(run(read_file(reactor, path("none"))), FileError,
                          [&](const FileError& e) { return e.path() == path("none") && e.error() == ENOENT; });
    BOOST_TEST(entries() == 0u);
}

BOOST_AUTO_TEST_CASE(a_pipe_in_the_file_system_is_refused_rather_than_waited_for) {
    BOOST_REQUIRE(::mkfifo(path().c_str(), 0600) == 0);
    BOOST_CHECK_THROW(run(read_file(reactor, path())), NotAFile);
    BOOST_CHECK_THROW(run(open_file(reactor, path())), NotAFile);
    BOOST_CHECK_THROW(run(write_file(reactor, path(), Bytes(), {.replace = false})), NotAFile);
    BOOST_CHECK_THROW(run(write_file(reactor, path(), Bytes())), NotAFile);
}

BOOST_AUTO_TEST_CASE(a_file_system_that_has_no_room_is_told_of) {
    File file = open(OpenMode::create);
    const auto before = ::signal(SIGXFSZ, SIG_IGN);
    rlimit unlimited{};
    ::getrlimit(RLIMIT_FSIZE, &unlimited);
    rlimit small = unlimited;
    small.rlim_cur = 1000;
    ::setrlimit(RLIMIT_FSIZE, &small);
    Deferred<> writing = file.write_at(0, Bytes::own(std::string(2000, 'x')));
    BOOST_CHECK_EXCEPTION(run(std::move(writing)), FileTooLarge, saying("cannot write " + path() + ": file too large"));
    BOOST_CHECK_THROW(run(write_file(reactor, path("other"), Bytes::own(std::string(2000, 'x')))), FileTooLarge);
    ::setrlimit(RLIMIT_FSIZE, &unlimited);
    ::signal(SIGXFSZ, before);
    BOOST_TEST(entries() == 1u);  // nothing is left of the other one
}

// --- open files

BOOST_AUTO_TEST_CASE(parts_are_read_and_written) {
    File file = open(OpenMode::create);
    BOOST_TEST(file.path() == path());
    run(file.write_at(0, Bytes::borrow("hello world")));
    run(file.write_at(6, Bytes::borrow("there")));
    BOOST_TEST(run(file.read_at(3, 5)) == "lo th");
    BOOST_TEST(run(file.read_at(6, 100)) == "there");
    BOOST_TEST(run(file.read_at(11, 100)).empty());
    BOOST_TEST(run(file.read_at(1'000'000, 1)).empty());
    BOOST_TEST(run(file.size()) == 11u);
    run(file.append(Bytes::borrow("!")));
    run(file.truncate(14));
    run(file.sync());
    BOOST_TEST(run(file.read_at(10, 10)) == std::string("e!\0\0", 4));
    run(file.close());
    BOOST_TEST(content() == std::string("hello there!\0\0", 14));
}

BOOST_AUTO_TEST_CASE(modes_of_opening) {
    BOOST_CHECK_THROW(open(OpenMode::read), FileNotFound);
    BOOST_CHECK_THROW(open(OpenMode::update), FileNotFound);
    run(open(OpenMode::create_new).append(Bytes::borrow("text")));
    BOOST_CHECK_EXCEPTION(open(OpenMode::create_new), FileExists, saying("cannot open " + path() + ": file exists"));
    BOOST_TEST(run(open(OpenMode::create).read_at(0, 9)) == "text");
    BOOST_TEST(run(open(OpenMode::update).read_at(0, 9)) == "text");
    BOOST_TEST(run(open(OpenMode::truncate).size()) == 0u);
    File file = open(OpenMode::read);
    BOOST_CHECK_EXCEPTION(run(file.append(Bytes::borrow("x"))), FileError, saying("cannot write " + path()));
}

BOOST_AUTO_TEST_CASE(what_is_asked_of_a_file_is_done_in_order) {
    File file = open(OpenMode::create);
    std::string expected;
    std::vector<Deferred<>> writes;
    std::string order;
    for (int i = 0; i < 200; ++i) {
        expected += std::to_string(i) + ' ';
        writes.push_back(file.append(Bytes::copy(std::to_string(i) + ' ')).add_callback([&order, i] {
            order += std::to_string(i) + ' ';
        }));
    }
    BOOST_TEST((run(file.read_at(0, 10'000)) == expected));
    BOOST_TEST((order == expected));
}

BOOST_AUTO_TEST_CASE(two_who_append_do_not_overwrite_each_other) {
    File one = open(OpenMode::create);
    File two = open(OpenMode::update);
    std::vector<Deferred<>> writes;
    for (int i = 0; i < 100; ++i) {
        writes.push_back(one.append(Bytes::borrow("x")));
        writes.push_back(two.append(Bytes::borrow("y")));
    }
    for (Deferred<>& each : writes)
        run(std::move(each));
    BOOST_TEST(content().size() == 200u);
}

BOOST_AUTO_TEST_CASE(a_closed_file_and_none_at_all_say_so) {
    File file = open(OpenMode::create);
    Deferred<> last = file.append(Bytes::borrow("last"));
    Deferred<> closing = file.close();
    BOOST_CHECK_EXCEPTION(run(file.size()), FileClosed, saying(path() + " is closed"));
    BOOST_CHECK_THROW(run(file.close()), FileClosed);
    run(std::move(closing));
    run(std::move(last));
    BOOST_TEST(content() == "last");

    File none;
    BOOST_CHECK_THROW(run(none.size()), FileClosed);
    BOOST_CHECK_THROW(run(none.read_at(0, 1)), FileClosed);
    BOOST_CHECK_THROW(run(none.append(Bytes())), FileClosed);
    BOOST_CHECK_THROW(run(none.write_at(0, Bytes())), FileClosed);
    BOOST_CHECK_THROW(run(none.truncate(0)), FileClosed);
    BOOST_CHECK_THROW(run(none.sync()), FileClosed);
    BOOST_CHECK_THROW(run(none.close()), FileClosed);
    BOOST_TEST(none.path().empty());
}

BOOST_AUTO_TEST_CASE(what_was_asked_of_a_destroyed_file_is_done) {
    Deferred<> last;
    {
        File file = open(OpenMode::create);
        file.append(Bytes::borrow("first ")).detach([](const Failure&) {});
        last = file.append(Bytes::borrow("last"));
    }
    run(std::move(last));
    BOOST_TEST(content() == "first last");
}

BOOST_AUTO_TEST_CASE(work_that_has_not_begun_is_taken_back) {
    File file = open(OpenMode::create);
    UniqueFd go = stop_the_pool();
    Deferred<> first = file.append(Bytes::borrow("1"));
    Deferred<> second = file.append(Bytes::borrow("2"));
    Deferred<> third = file.append(Bytes::borrow("3"));
    second.cancel();
    BOOST_CHECK_THROW(second.take().value(), Cancelled);
    {
        const Deferred<> dropped = std::move(first);
    }
    go.reset();
    run(std::move(third));
    BOOST_TEST(content().find('2') == std::string::npos);
    BOOST_TEST(content().back() == '3');
}

BOOST_AUTO_TEST_CASE(dropping_a_close_closes_all_the_same) {
    File file = open(OpenMode::create);
    {
        const Deferred<> dropped = file.close();
    }
    BOOST_CHECK_THROW(run(file.size()), FileClosed);
}

BOOST_AUTO_TEST_CASE(what_waits_has_a_bound) {
    File file = open(OpenMode::create);
    UniqueFd go = stop_the_pool();
    std::vector<Deferred<>> writes;
    for (std::size_t i = 0; i <= File::most_waiting; ++i)  // one is under way
        writes.push_back(file.append(Bytes::borrow("x")));
    Deferred<> refused = file.append(Bytes::borrow("y"));
    BOOST_TEST(refused.ready());
    BOOST_CHECK_EXCEPTION(refused.take().value(), FileBusy, saying("too much waits to be done with " + path()));
    go.reset();
    for (Deferred<>& each : writes)
        run(std::move(each));
    run(file.append(Bytes::borrow("z")));
    BOOST_TEST(content().size() == File::most_waiting + 2);

    BOOST_CHECK_THROW(run(file.read_at(0, File::most_read + 1)), std::invalid_argument);
    BOOST_CHECK_THROW(run(file.append(Bytes::own(std::string(File::most_bytes_waiting + 1, 'x')))), FileBusy);
}

BOOST_AUTO_TEST_CASE(the_bytes_that_wait_are_counted) {
    File file = open(OpenMode::create);
    UniqueFd go = stop_the_pool();
    const Bytes large = Bytes::own(std::string(File::most_bytes_waiting / 2 + 1, 'x'));
    Deferred<> begun = file.write_at(0, large);
    Deferred<> between = file.sync();
    Deferred<> waiting = file.write_at(0, large);
    BOOST_CHECK_THROW(file.write_at(0, large).take().value(), FileBusy);
    waiting.cancel();
    BOOST_CHECK_THROW(waiting.take().value(), Cancelled);
    waiting = file.write_at(0, large);
    BOOST_TEST(!waiting.ready());
    go.reset();
    run(std::move(begun));
    run(std::move(waiting));
    begun = file.sync();
    between = file.sync();
    run(file.write_at(0, large));  // those that were done count no more
    BOOST_TEST(run(file.size()) == large.size());
}

BOOST_AUTO_TEST_CASE(a_full_pool_fails_the_work_and_the_file_goes_on) {
    File file = open(OpenMode::create);
    ThreadPool& pool = reactor.thread_pool();
    pool.stop();
    BOOST_CHECK_THROW(run(file.append(Bytes::borrow("x"))), ThreadPoolStopped);
    pool.start();
    run(file.append(Bytes::borrow("y")));
    BOOST_TEST(content() == "y");
}

BOOST_AUTO_TEST_CASE(a_file_may_be_destroyed_in_its_own_callback) {
    auto file = std::make_unique<File>(open(OpenMode::create));
    Deferred<> work = file->append(Bytes::borrow("x")).add_callback([&] { file.reset(); });
    run(std::move(work));
    BOOST_TEST(!file);
}

BOOST_AUTO_TEST_CASE(a_file_may_outlive_its_reactor) {
    File file;
    Deferred<> pending;
    Deferred<> waiting;
    {
        Reactor other;
        file = other.run_until(open_file(other, path(), OpenMode::create));
        pending = file.append(Bytes::borrow("1"));
        waiting = file.append(Bytes::borrow("2"));
    }
    BOOST_CHECK_THROW(waiting.take().value(), Error);
    BOOST_CHECK_THROW(run(file.size()), ReactorStopped);
    BOOST_TEST(pending.ready());
    static_cast<void>(pending.take());
}

BOOST_AUTO_TEST_CASE(dropping_what_opens_or_reads_leaks_no_descriptor) {
    support::write_file(path(), "text");
    const int before = ::dup(0);
    ::close(before);
    {
        const auto opening = open_file(reactor, path());
        const auto reading = read_file(reactor, path());
    }
    reactor.thread_pool().stop();
    reactor.thread_pool().start();
    settle(reactor);
    const int after = ::dup(0);
    ::close(after);
    BOOST_TEST(after == before);
}

BOOST_AUTO_TEST_SUITE_END()
