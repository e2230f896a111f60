// A client, a fake server and time in one test, without sockets: nothing moves but by settle() and pass().
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "plait/reactor/testing/boost_test.hpp"
#include "plait/zk/client.hpp"
#include "plait/zk/testing/fake_zookeeper.hpp"

namespace plait::zk {

using namespace std::chrono_literals;
using plait::testing::failure_of;
using plait::testing::no_result;
using plait::testing::success_of;
using proto::Op;

struct InMemory : plait::testing::CleanMemoryReactor {
    InMemory() {
        network.listen({"zk1", 2181}, fake.factory());
        options.session_timeout = 9s;
        options.shuffle_hosts = false;
    }
    /// A minute after the client has gone, farewells are said and sessions over.
    void teardown() {
        client.reset();
        pass(1min);
        CleanMemoryReactor::teardown();
    }

    Client& make(const std::string& servers = "zk1:2181") {
        client = std::make_unique<Client>(clock, network.connector(), servers, options);
        return *client;
    }

    Client& connect(const std::string& servers = "zk1:2181") {
        auto& zk = make(servers);
        get(zk.connect());
        return zk;
    }

    testing::FakeZooKeeper fake{clock};
    ClientOptions options;
    std::unique_ptr<Client> client;
};

}  // namespace plait::zk
