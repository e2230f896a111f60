// Files off the loop: copies a file a piece at a time, while a clock on the same loop keeps ticking.
//
//     copy_file FROM TO
#include <cstdint>
#include <cstdio>
#include <string>

#include "plait/deferred/looping_call.hpp"
#include "plait/reactor/files.hpp"
#include "plait/reactor/react.hpp"

using namespace std::chrono_literals;

namespace {

constexpr std::size_t piece = 256 * 1024;

plait::Deferred<> copy(plait::Reactor& reactor, std::string from, std::string to) {
    plait::Deferred<plait::File> opening = plait::open_file(reactor, from);
    plait::File source = co_await std::move(opening);
    plait::Deferred<plait::File> making = plait::open_file(reactor, to, plait::OpenMode::create_new);
    plait::File target = co_await std::move(making);

    std::uint64_t done = 0;
    int ticks = 0;
    plait::LoopingCall clock(reactor, [&ticks] { ++ticks; });
    const plait::Deferred<> ticking = clock.start(1ms);
    for (;;) {
        plait::Deferred<plait::Bytes> reading = source.read_at(done, piece);
        plait::Bytes data = co_await std::move(reading);
        if (data.empty()) break;
        const std::size_t size = data.size();
        co_await target.write_at(done, std::move(data));
        done += size;
    }
    co_await target.sync();  // it is on the disk
    co_await target.close();
    std::printf("copied %llu bytes\n", static_cast<unsigned long long>(done));
    std::fprintf(stderr, "the clock ticked %d times meanwhile\n", ticks);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: copy_file FROM TO\n");
        return 2;
    }
    return plait::react([&](plait::Reactor& reactor) { return copy(reactor, argv[1], argv[2]); });
}
