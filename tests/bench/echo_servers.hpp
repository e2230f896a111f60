// Echo servers that do the same with different loops. Each listens on a free port of 127.0.0.1, writes the port
// to `announce` (a std::uint16_t), and serves until its process is killed.
#pragma once

namespace plait::bench {

[[noreturn]] void serve_echo_with_plait(int announce);           // on the loop that a Reactor makes for itself
[[noreturn]] void serve_echo_with_plait_on_epoll(int announce);  // on an EpollLoop
[[noreturn]] void serve_echo_with_libev(int announce);
[[noreturn]] void serve_echo_with_asio(int announce);
[[noreturn]] void serve_echo_with_libuv(int announce);

}  // namespace plait::bench
