// A client, a fake server and time in one test, without sockets: nothing moves but by settle() and pass().
#pragma once

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "plait/deferred/unhandled.hpp"
#include "plait/reactor/testing/memory_reactor.hpp"
#include "plait/zk/client.hpp"
#include "plait/zk/testing/fake_zookeeper.hpp"

namespace plait::zk {

using namespace std::chrono_literals;
using proto::Op;

/// What a Deferred came to, or nothing yet. Owns it.
template <typename T>
class Outcome {
public:
    explicit Outcome(Deferred<T> deferred) {
        deferred_ =
            std::move(deferred).add_callbacks([this](T value) { value_.emplace(std::move(value)); },
                                              [this](Failure failure) { failure_.emplace(std::move(failure)); });
    }
    Outcome(const Outcome&) = delete;
    Outcome& operator=(const Outcome&) = delete;

    bool pending() const { return !value_ && !failure_; }
    T& value() {
        if (failure_) BOOST_FAIL(failure_->message());
        BOOST_REQUIRE(value_.has_value());
        return *value_;
    }
    template <typename E>
    bool failed_with() const {
        return failure_ && failure_->check<E>() != nullptr;
    }
    std::string text() const {
        return failure_ && failure_->exception() != nullptr ? failure_->exception()->what() : std::string();
    }
    void drop() { deferred_ = {}; }

private:
    std::optional<T> value_;
    std::optional<Failure> failure_;
    Deferred<> deferred_;
};
template <typename T>
Outcome(Deferred<T>) -> Outcome<T>;

struct InMemory : plait::testing::MemoryReactor {
    InMemory() {
        network.listen({"zk1", 2181}, fake.factory());
        options.session_timeout = 9s;
        options.shuffle_hosts = false;
    }
    ~InMemory() {
        client.reset();
        settle();
        BOOST_TEST(unhandled_failure_count() == unhandled_before);
    }

    Client& make(const std::string& servers = "zk1:2181") {
        client = std::make_unique<Client>(clock, network.connector(), servers, options);
        return *client;
    }

    Client& connect(const std::string& servers = "zk1:2181") {
        auto& zk = make(servers);
        Outcome connected(zk.connect());
        settle();
        connected.value();
        return zk;
    }

    std::uint64_t unhandled_before = unhandled_failure_count();
    testing::FakeZooKeeper fake{clock};
    ClientOptions options;
    std::unique_ptr<Client> client;
};

}  // namespace plait::zk
