// Multicast: a socket's groups and how it sends to them. No events; each call is one socket option.
// Each throws BadDatagramAddress or DatagramError, naming what it was asked for and why it cannot be.
#pragma once

#include <string>

namespace plait::detail {

struct GroupSocket {
    int fd;
    int family;
};

enum class Membership { join, leave };

void change_group(GroupSocket socket, Membership change, const std::string& group, const std::string& interface);
void set_multicast_ttl(GroupSocket socket, int hops);
void set_multicast_loopback(GroupSocket socket, bool on);
void set_multicast_interface(GroupSocket socket, const std::string& interface);

}  // namespace plait::detail
