// A view over real sockets: the server and the stream in one reactor.
#define BOOST_TEST_MODULE view_tcp
#include <boost/test/unit_test.hpp>

#include "plait/couch_async/view/collect_rows.hpp"
#include "plait/deferred/gather.hpp"
#include "plait/reactor/tcp.hpp"
#include "plait/tests/couch_async/view_world.hpp"

using namespace plait;
using namespace plait::couch_async;
using namespace plait::couch_async::testing;
using plait::testing::await_until;
using plait::testing::CleanReactor;

namespace {

struct Fixture : CleanReactor {
    ViewServer server{reactor};
    std::unique_ptr<ListeningPort> port = listen_tcp(reactor, {"127.0.0.1", 0}, server.factory());
    ViewClient client{reactor, "http://" + port->address().str() + "/db"};

    void teardown() {
        port.reset();
        CleanReactor::teardown();
    }
};

struct Counter final : AsyncViewBase {
    Counter(const ViewClient& client, Clock& clock) : AsyncViewBase(client, {"d", "v"}), clock_(clock) {}
    ~Counter() override { cancel(); }

    std::size_t rows = 0;
    std::size_t bytes = 0;
    bool in_order = true;
    bool slow = false;
    int errors = 0;
    int dones = 0;

private:
    Deferred<> on_rows(Rows batch) override {
        for (const auto& row : batch) {
            in_order = in_order && row.id() == doc_id(static_cast<int>(rows));
            ++rows;
        }
        bytes += batch.bytes();
        return slow && rows % 7 == 0 ? clock_.sleep(1ms) : succeed();
    }
    void on_error(const Failure&) override { ++errors; }
    void on_done(const ViewMeta&) override { ++dones; }

    Clock& clock_;
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_large_view_streams_over_tcp, Fixture) {
    server.add_view("db", "d", "v", numbered(65'000, 300));
    Counter view(client, reactor);
    view.slow = true;
    const ViewMeta meta = await(view.start());
    BOOST_TEST(*meta.total_rows == 65'000U);
    BOOST_TEST(view.rows == 65'000U);
    BOOST_TEST(view.in_order);
    BOOST_TEST(view.errors == 0);
    BOOST_TEST(view.dones == 1);
    BOOST_TEST(view.bytes > 20'000'000U);
}

BOOST_FIXTURE_TEST_CASE(a_handler_that_waits_stops_the_server_over_tcp, Fixture) {
    server.add_view("db", "d", "v", numbered(65'000, 1000));
    struct Stuck final : AsyncViewBase {
        using AsyncViewBase::AsyncViewBase;
        Gate gate;
        Deferred<> on_rows(Rows) override { return gate.waits == 0 ? gate.wait() : succeed(); }
    };
    Stuck view(client, {"d", "v"});
    auto running = view.start();
    std::uint64_t before = 0;
    for (int still = 0; still < 5;) {
        reactor.run_until(reactor.sleep(20ms));
        still = view.gate.waits == 1 && server.counts().bytes == before ? still + 1 : 0;
        before = server.counts().bytes;
    }
    // Kernel buffers on both sides of the loopback hold some megabytes of the 65.
    BOOST_TEST(before < 20U * 1024U * 1024U);
    view.gate.open();
    await(std::move(running));
    BOOST_TEST(view.rows_returned() == 65'000U);
}

BOOST_FIXTURE_TEST_CASE(cuts_and_resets_over_tcp_are_errors, Fixture) {
    server.add_view("db", "d", "v", numbered(5000));
    for (const bool reset : {false, true}) {
        auto& order = server.next_request().cut_after_rows(3000);
        if (reset) order.by_reset();
        Counter view(client, reactor);
        BOOST_CHECK_THROW(await(view.start()), TruncatedBody);
        BOOST_TEST(view.errors == 1);
        BOOST_TEST(view.dones == 1);
        BOOST_TEST(view.in_order);
        if (!reset) BOOST_TEST(view.rows == 3000U);
    }
}

BOOST_FIXTURE_TEST_CASE(cancelling_over_tcp_closes_the_socket, Fixture) {
    server.add_view("db", "d", "v", numbered(5000));
    server.next_request().stall_after_rows(1);
    {
        Counter view(client, reactor);
        auto running = view.start();
        await_until(reactor, [&] { return view.rows != 0; });
        BOOST_TEST(server.counts().open_connections == 1U);
        view.cancel();
        failure_of<Cancelled>(running);
    }
    await_until(reactor, [&] { return server.counts().open_connections == 0; });
}

BOOST_FIXTURE_TEST_CASE(many_streams_at_once, Fixture) {
    server.add_view("db", "d", "v", numbered(300));
    std::vector<Deferred<CollectedView>> streams;
    for (int i = 0; i < 100; ++i)
        streams.push_back(collect_rows(client, {"d", "v"}));
    for (const CollectedView& view : await(gather(std::move(streams))))
        BOOST_TEST(view.rows.size() == 300U);
}
