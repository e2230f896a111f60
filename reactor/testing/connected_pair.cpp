#include "plait/reactor/testing/connected_pair.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "plait/reactor/detail/memory_link.hpp"
#include "plait/reactor/errors.hpp"

namespace plait::testing {

namespace {
const Address client_address{"10.0.0.1", 49152};
const Address server_address{"10.0.0.2", 1024};
}  // namespace

/// Kept alive by each call that runs the protocols, which may destroy the ConnectedPair.
struct ConnectedPair::Impl {
    Impl(std::shared_ptr<Protocol> client, const FaultPlan& faults)
        : link(std::make_unique<MemoryTransport>(std::move(client), client_address, server_address), faults) {}
    plait::detail::MemoryLink link;
};

ConnectedPair::ConnectedPair(std::shared_ptr<Protocol> client, std::shared_ptr<Protocol> server,
                             const FaultPlan& faults)
    : impl_(std::make_shared<Impl>(std::move(client), faults)) {
    impl_->link.set_server(std::make_unique<MemoryTransport>(std::move(server), server_address, client_address));
}

ConnectedPair::~ConnectedPair() {
    impl_->link.lose(make_failure(ConnectionAborted("the connected pair was destroyed")));
}

MemoryTransport& ConnectedPair::client() noexcept {
    return impl_->link.at(0);
}

MemoryTransport& ConnectedPair::server() noexcept {
    return impl_->link.at(1);
}

bool ConnectedPair::pump() {
    const auto impl = impl_;
    return impl->link.step(bytes_per_step_);
}

void ConnectedPair::flush(int limit) {
    const auto impl = impl_;
    const auto most = bytes_per_step_;
    for (int step = 0; step < limit; ++step)
        if (!impl->link.step(most)) return;
    throw std::runtime_error("ConnectedPair::flush: something still moves after " + std::to_string(limit) +
                             " steps: do two protocols answer each other for ever?");
}

void ConnectedPair::break_connection() {
    const auto impl = impl_;
    impl->link.lose_broken();
}

bool ConnectedPair::open() const noexcept {
    return impl_->link.open();
}

}  // namespace plait::testing
