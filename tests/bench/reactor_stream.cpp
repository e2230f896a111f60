// reactor.stream and reactor.tls_stream: one connection, written in pieces of 1 MiB, beside Asio. Both ends are in one
// thread on one processor, so what is counted is what the two of them compute, the kernel's part included; while
// nothing else runs, that is the throughput too.
// reactor.stream_2p: the ends are in two processes, on two processors if there are two. Counted is what both compute.
#include <ctime>
#include <exception>

#include "measure.hpp"
#include "server_process.hpp"
#include "stream_pairs.hpp"
#include "tls_certificates.hpp"

namespace plait::bench {
namespace {

constexpr int rounds = 15;
constexpr std::uint64_t mebibyte = 1024 * 1024;

double processor_time() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// MiB a second of processor time.
double rate(void (*stream)(std::uint64_t, const StreamIdentity*), std::uint64_t mebibytes,
            const StreamIdentity* identity) {
    const double before = processor_time();
    stream(mebibytes * mebibyte, identity);
    return static_cast<double>(mebibytes) / (processor_time() - before);
}

void measure(const char* name, std::uint64_t mebibytes, const StreamIdentity* identity) {
    const auto medians = interleaved(
        rounds, [&] { return rate(stream_with_plait, mebibytes, identity); },
        [&] { return rate(stream_with_asio, mebibytes, identity); });
    print({name, "MiB/CPU s", medians[0], medians[1], "Asio", 1.0});
}

double rate_apart(const ServerProcess& writer, void (*take)(std::uint16_t)) {
    const double before = processor_time() + writer.processor_time();
    take(writer.port());
    return static_cast<double>(streamed_apart / mebibyte) / (processor_time() + writer.processor_time() - before);
}

void measure_apart() {
    const ServerProcess ours(serve_stream_with_plait);
    const ServerProcess theirs(serve_stream_with_asio);
    pin_to_processor(1);
    const auto medians = interleaved(
        rounds, [&] { return rate_apart(ours, take_stream_with_plait); },
        [&] { return rate_apart(theirs, take_stream_with_asio); });
    print({"reactor.stream_2p", "MiB/CPU s", medians[0], medians[1], "Asio"});
    pin_to_one_processor();
}

void measure_streams() {
    pin_to_one_processor();
    const testing::Identity made = testing::TestCa::self_signed();
    const StreamIdentity identity{made.certificate, made.key};
    measure("reactor.stream", 512, nullptr);
    measure("reactor.tls_stream", 256, &identity);
    measure_apart();
}

}  // namespace
}  // namespace plait::bench

int main() {
    try {
        plait::bench::measure_streams();
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "reactor_stream: %s\n", error.what());
        return 1;
    }
}
