// The code of docs/reactor.md: files.
#define BOOST_TEST_MODULE docs_reactor_files
#include <boost/test/unit_test.hpp>
#include <string>
#include <utility>

#include "plait/deferred/coroutine.hpp"
#include "plait/reactor/files.hpp"
#include "plait/reactor/send_file.hpp"
#include "plait/reactor/testing/memory_transport.hpp"
#include "plait/tests/support/temporary_directory.hpp"

using namespace plait;

namespace {

// snippet: whole
Deferred<> rewrite(Reactor& reactor, std::string path) {
    Deferred<Bytes> reading = read_file(reactor, path);
    const Bytes before = co_await std::move(reading);
    Bytes after = Bytes::own("# checked\n" + before.str());
    // Whoever reads it meanwhile has the old file or the new one, never half of one.
    Deferred<> writing = write_file(reactor, path, std::move(after), {.replace = true, .sync = true});
    co_await std::move(writing);
}
// end of snippet

// snippet: parts
Deferred<std::string> keep_a_journal(Reactor& reactor, std::string path) {
    Deferred<File> opening = open_file(reactor, path, OpenMode::create);
    File journal = co_await std::move(opening);
    Deferred<> first = journal.append(Bytes::borrow("first\n"));  // none waits for the one before:
    Deferred<> second = journal.append(Bytes::borrow("second\n"));
    Deferred<Bytes> all = journal.read_at(0, 1000);  // they are done in this order
    co_await std::move(first);
    co_await std::move(second);
    const Bytes text = co_await std::move(all);
    co_await journal.close();
    co_return text.str();
}
// end of snippet

// snippet: send
Deferred<> serve(Reactor& reactor, std::string path, Transport& transport) {
    Deferred<File> opening = open_file(reactor, path);
    File file = co_await std::move(opening);
    Deferred<std::uint64_t> sending = send_file(file, transport);  // waits whenever the peer is slow
    co_await std::move(sending);
    transport.lose_connection();
}
// end of snippet

}  // namespace

BOOST_AUTO_TEST_CASE(files_as_in_the_page) {
    const support::TemporaryDirectory directory("docs");
    const std::string path = directory.path() / "file";
    Reactor reactor;
    BOOST_TEST(reactor.run_until(keep_a_journal(reactor, path)) == "first\nsecond\n");
    reactor.run_until(rewrite(reactor, path));
    BOOST_TEST(support::read_file(path) == "# checked\nfirst\nsecond\n");

    class Nothing : public Protocol {
        void data_received(const Bytes&) override {}
    };
    testing::MemoryTransport transport(std::make_shared<Nothing>());
    transport.set_accepting(true);
    reactor.run_until(serve(reactor, path, transport));
    BOOST_TEST(transport.disconnecting());
    BOOST_TEST(transport.written() == "# checked\nfirst\nsecond\n");
}
