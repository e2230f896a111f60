// SocketPort: the ListeningPort over any kind of listening socket. It opens none: that is for the kinds.
#pragma once

#include <memory>
#include <string>

#include "plait/reactor/detail/acceptor.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/tcp.hpp"

namespace plait::detail {

/// A port that can be stopped and started, and tells its factory of it. May outlive the reactor.
class SocketPort : public ListeningPort, private Resource {
public:
    ~SocketPort() override { stop_listening(); }

    Address address() const final { return address_; }
    void stop_listening() final;
    void start_listening() final;

protected:
    SocketPort(ReactorCore& core, std::shared_ptr<Factory> factory, std::shared_ptr<const AcceptPolicy> policy);

    /// Begins to accept on `fd`, after the factory was told. Throws what that throws.
    void start(UniqueFd fd, Address address);

    /// Opens the socket anew for `start_listening()`. Throws CannotListen.
    virtual UniqueFd reopen() = 0;
    /// What was opened is closed.
    virtual void closed() noexcept {}

private:
    void reactor_destroyed() noexcept override;
    void reactor_stopped() noexcept override;
    std::string describe() const override;
    void went_away();

    ReactorCore* core_;  ///< null once destroyed
    std::shared_ptr<Factory> factory_;
    std::shared_ptr<const AcceptPolicy> policy_;
    Address address_;
    Acceptor* acceptor_ = nullptr;  // owns itself; null while stopped
};

}  // namespace plait::detail
