// Makes what goes through it upper case: from one pipe to another, and no faster than the reader at the end takes it.
//
//     pipes [FROM [TO]]                    /dev/stdin and /dev/stdout by default
//
//     mkfifo in out
//     pipes in out &  cat out &  echo hello > in
#include <fcntl.h>

#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "plait/reactor/descriptors.hpp"
#include "plait/reactor/react.hpp"

namespace {

// The transport's own producer: while too much waits to be written, no more is read.
class Upper final : public plait::Protocol, plait::Producer {
public:
    explicit Upper(plait::Promise<> done) : done_(std::move(done)) {}

    void connection_made() override { transport().register_producer(*this); }
    void data_received(const plait::Bytes& data) override {
        std::string text = data.str();
        for (char& letter : text)
            letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
        transport().write(text);
    }
    void read_connection_lost() override {
        transport().unregister_producer();
        transport().lose_connection();  // after what is queued
    }
    void connection_lost(const plait::Failure& reason) override {
        reason.check<plait::ConnectionDone>() ? done_.callback() : done_.errback(reason);
    }

private:
    void pause_producing() override { transport().pause_producing(); }
    void resume_producing() override { transport().resume_producing(); }
    void stop_producing() override {}

    plait::Promise<> done_;
};

plait::Deferred<> pump(plait::Reactor& reactor, plait::UniqueFd from, plait::UniqueFd to) {
    auto [done, promise] = plait::make_deferred<>();
    const auto upper = std::make_shared<Upper>(std::move(promise));
    co_await plait::adopt_pipes(reactor, std::move(from), std::move(to), upper);
    co_await std::move(done);
}

plait::UniqueFd open_end(const char* path, int how) {
    plait::UniqueFd opened(::open(path, how | O_CLOEXEC));
    if (!opened) std::fprintf(stderr, "pipes: cannot open %s: %s\n", path, std::strerror(errno));
    return opened;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 3) {
        std::fprintf(stderr, "usage: pipes [FROM [TO]]\n");
        return 2;
    }
    // Opening a FIFO waits for somebody at its other end: before the loop, which waits for nobody, begins.
    plait::UniqueFd from = open_end(argc > 1 ? argv[1] : "/dev/stdin", O_RDONLY);
    if (!from) return 1;
    plait::UniqueFd to = open_end(argc > 2 ? argv[2] : "/dev/stdout", O_WRONLY | O_APPEND);
    if (!to) return 1;
    return plait::react([&](plait::Reactor& reactor) { return pump(reactor, std::move(from), std::move(to)); });
}
