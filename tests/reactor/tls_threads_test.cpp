// One TlsContext for reactors in several threads. tools/test --tsan runs it under the thread sanitizer.
#define BOOST_TEST_MODULE tls_threads
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "plait/reactor/reactor.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"
#include "tls_fixture.hpp"

using namespace plait;
using namespace plait::testing;

namespace {

constexpr int connections = 12;

struct Contexts {
    std::shared_ptr<const TlsContext> client;
    std::shared_ptr<const TlsContext> server;
};

struct Done {
    int answered = 0;
    int resumed = 0;
};

/// Connections to itself, one after the other, in a reactor of its own.
Done talk(const Contexts& contexts) {
    Done done;
    Reactor reactor;
    std::shared_ptr<Recorder> server;
    const auto factory = make_factory([&](const Address&) {
        server = std::make_shared<Recorder>();
        server->when_data = [](Recorder& self, const Bytes& data) { self.transport().write(data); };
        return server;
    });
    const auto port = listen_tls(reactor, {"127.0.0.1", 0}, contexts.server, factory);
    for (int i = 0; i < connections; ++i) {
        auto client = std::make_shared<Recorder>();
        reactor.run_until(connect_tls(reactor, {"127.0.0.1", port->address().port}, contexts.client, client));
        client->transport().write("ping");
        run_until(reactor, [&] { return client->received == "ping"; });
        ++done.answered;
        if (info_of(*client).resumed) ++done.resumed;
        client->transport().lose_connection();
        run_until(reactor, [&] { return client->reason && server->reason; });
    }
    return done;
}

Done in_two_threads(const Contexts& contexts, const std::function<void()>& meanwhile) {
    std::vector<Done> done(2);
    std::atomic<int> running{2};
    std::vector<std::thread> threads;
    for (Done& each : done) {
        threads.emplace_back([&each, &contexts, &running] {
            each = talk(contexts);
            --running;
        });
    }
    while (running > 0)
        meanwhile();
    for (std::thread& thread : threads)
        thread.join();
    return {done[0].answered + done[1].answered, done[0].resumed + done[1].resumed};
}

}  // namespace

BOOST_AUTO_TEST_CASE(reactors_in_two_threads_share_contexts_and_the_sessions_in_them) {
    for (const TlsVersion version : {TlsVersion::tls_1_2, TlsVersion::tls_1_3}) {
        TlsOptions ours = trusting();
        ours.maximum = version;
        const Contexts contexts{TlsContext::client(ours), TlsContext::server(serving())};
        const Done done = in_two_threads(contexts, [] { std::this_thread::yield(); });
        BOOST_TEST(done.answered == 2 * connections);
        BOOST_TEST(done.resumed > 0);
    }
}

BOOST_AUTO_TEST_CASE(sessions_may_be_counted_and_forgotten_by_other_threads_at_any_time) {
    const Contexts contexts{TlsContext::client(trusting()), TlsContext::server(serving())};
    const Done done = in_two_threads(contexts, [&] {
        if (contexts.client->sessions() > 1) contexts.client->forget_sessions();
        std::this_thread::yield();
    });
    BOOST_TEST(done.answered == 2 * connections);
}

BOOST_AUTO_TEST_CASE(a_context_may_end_in_any_thread_that_used_it) {
    for (int round = 0; round < 5; ++round) {
        auto contexts =
            std::make_unique<Contexts>(Contexts{TlsContext::client(trusting()), TlsContext::server(serving())});
        std::vector<std::thread> threads;
        for (int i = 0; i < 2; ++i)
            threads.emplace_back([mine = *contexts]() mutable {
                talk(mine);
                mine = {};
            });
        contexts.reset();
        for (std::thread& thread : threads)
            thread.join();
    }
}
