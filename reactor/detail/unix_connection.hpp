// UnixConnection: a StreamConnection that carries descriptors beside its bytes. Not the way there.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "plait/reactor/detail/stream_connection.hpp"
#include "plait/reactor/unix.hpp"

namespace plait::detail {

class UnixConnection final : public StreamConnection, public UnixTransport {
public:
    /// As StreamConnection::start.
    static std::optional<Failure> start(ReactorCore& core, UniqueFd fd, Address host, Address peer,
                                        std::shared_ptr<Protocol> protocol);

    void send_descriptor(UniqueFd descriptor) override;
    std::size_t descriptors_queued() const noexcept override { return queued_.size(); }
    std::optional<PeerCredentials> peer_credentials() const override;
    Handover hand_over(std::shared_ptr<Protocol> next) override;

private:
    struct Queued {
        UniqueFd descriptor;
        std::uint64_t at;  ///< the byte it goes with, counted from the start
    };

    UnixConnection(ReactorCore& core, UniqueFd fd, Address host, Address peer, std::shared_ptr<Protocol> protocol);

    ssize_t read_some(std::span<char> room) noexcept override;
    int write_some(WriteQueue& queue) noexcept override;
    std::optional<Failure> lost_by_closing() const override;
    void ends_closing() noexcept override { queued_.clear(); }

    std::size_t due(std::uint64_t sent) const noexcept;
    ssize_t send_with_descriptors(WriteQueue& queue, std::size_t count) noexcept;
    bool all_open(std::size_t count) const noexcept;
    bool deliver(msghdr& message) noexcept;

    UnixProtocol* receiver_;  ///< the protocol, if it takes descriptors
    std::vector<Queued> queued_;
};

}  // namespace plait::detail
