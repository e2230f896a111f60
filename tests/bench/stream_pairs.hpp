// One connection over loopback: one end writes 1 MiB at a time, as soon as the last has left, the other reads and
// counts. Both are in this thread, or each is in a process of its own.
#pragma once

#include <cstdint>
#include <string>

namespace plait::bench {

constexpr std::size_t stream_piece = 1024 * 1024;
constexpr const char* stream_ciphersuite = "TLS_AES_256_GCM_SHA384";

/// For TLS: the server's, and the same for whom to trust.
struct StreamIdentity {
    std::string certificate;
    std::string key;
};

/// Each carries `bytes` from the one end to the other over a new connection. Throws when that fails.
/// `identity`: null for plain TCP.
void stream_with_plait(std::uint64_t bytes, const StreamIdentity* identity);
void stream_with_asio(std::uint64_t bytes, const StreamIdentity* identity);

/// The end that writes, of as many connections as there are: listens on a free port of 127.0.0.1, writes that port (a
/// std::uint16_t) to `announce`, and sends each client `streamed_apart` bytes and the end. For ServerProcess.
[[noreturn]] void serve_stream_with_plait(int announce);
[[noreturn]] void serve_stream_with_asio(int announce);

constexpr std::uint64_t streamed_apart = 512 * stream_piece;

/// The end that reads: connects, and takes all there is. Throws when that is not what it should be.
void take_stream_with_plait(std::uint16_t port);
void take_stream_with_asio(std::uint16_t port);

}  // namespace plait::bench
