#include "plait/reactor/detail/socket_port.hpp"

#include <utility>

#include "plait/deferred/unhandled.hpp"
#include "plait/reactor/errors.hpp"

namespace plait {

void ListeningPort::start_listening() {
    throw CannotListen("cannot listen again on " + address().str() + ": this port can be opened only once");
}

}  // namespace plait

namespace plait::detail {

SocketPort::SocketPort(ReactorCore& core, std::shared_ptr<Factory> factory, std::shared_ptr<const AcceptPolicy> policy)
    : core_(&core), factory_(std::move(factory)), policy_(std::move(policy)) {
    core.add_resource(*this);
}

void SocketPort::start(UniqueFd fd, Address address) {
    address_ = std::move(address);
    acceptor_ = new Acceptor(*core_, std::move(fd), factory_, policy_, [this] { went_away(); });
    const std::shared_ptr<Factory> factory = factory_;
    try {
        factory->begin_use();  // may destroy this
    } catch (...) {
        if (acceptor_ != nullptr) std::exchange(acceptor_, nullptr)->stop();
        throw;
    }
}

void SocketPort::start_listening() {
    if (acceptor_ != nullptr) return;
    if (core_ == nullptr) throw CannotListen("cannot listen on " + address_.str() + ": the reactor was destroyed");
    try {
        start(reopen(), address_);
    } catch (...) {
        closed();
        throw;
    }
}

void SocketPort::stop_listening() {
    if (acceptor_ == nullptr) return;
    std::exchange(acceptor_, nullptr)->stop();
    closed();
    const std::shared_ptr<Factory> factory = factory_;
    factory->end_use();  // may destroy this
}

void SocketPort::reactor_destroyed() noexcept {
    core_ = nullptr;
    stop_listening();
}

void SocketPort::reactor_stopped() noexcept {
    core_->add_resource(*this);  // it may listen again in the next run
    stop_listening();
}

std::string SocketPort::describe() const {
    return (acceptor_ != nullptr ? "a port that listens on " : "a stopped port on ") + address_.str();
}

void SocketPort::went_away() {
    const Failure failure = make_failure(DescriptorWentAway("no longer listening on " + address_.str() +
                                                            ": its socket was closed or shut down by something else"));
    stop_listening();
    report_unhandled_failure(failure);
}

}  // namespace plait::detail
