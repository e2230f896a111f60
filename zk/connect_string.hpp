// ConnectString: which servers make up the ensemble, and the chroot.
// Text to values; looks nothing up and connects to nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "plait/reactor/address.hpp"

namespace plait::zk {

/// "zk1:2181,zk2:2181,[::1]:2182/app": hosts, each with a port (2181 unless given), then perhaps a chroot.
struct ConnectString {
    static constexpr std::uint16_t default_port = 2181;

    std::vector<HostPort> hosts;
    std::string chroot;  ///< "" or "/app"

    /// Fails: throws BadArguments quoting the text and saying which part of it is wrong.
    static ConnectString parse(std::string_view text);

    /// In the form parse() reads.
    std::string str() const;

    bool operator==(const ConnectString&) const = default;
};

}  // namespace plait::zk
