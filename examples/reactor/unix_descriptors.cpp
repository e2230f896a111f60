// Hands an open file to another process over a UNIX socket: the one that gives may read it, the one that takes need
// not.
//
//     unix_descriptors give PATH FILE      listens at PATH, hands FILE to the first who connects, and ends
//     unix_descriptors take PATH           connects to PATH and prints the file it is handed
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "plait/reactor/react.hpp"
#include "plait/reactor/unix.hpp"

namespace {

class Giver final : public plait::UnixProtocol {
public:
    Giver(std::string file, plait::Promise<> given) : file_(std::move(file)), given_(std::move(given)) {}

    void connection_made() override {
        plait::UniqueFd file(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
        if (!file) throw std::runtime_error("cannot open " + file_);
        unix_transport().send_descriptor(std::move(file));
        transport().write("!");  // a descriptor travels with a byte
        transport().lose_connection();
    }
    void data_received(const plait::Bytes&) override {}
    void descriptor_received(plait::UniqueFd) override {}
    void connection_lost(const plait::Failure& reason) override {
        reason.check<plait::ConnectionDone>() ? given_.callback() : given_.errback(reason);
    }

private:
    std::string file_;
    plait::Promise<> given_;
};

class Taker final : public plait::UnixProtocol {
public:
    explicit Taker(plait::Promise<> taken) : taken_(std::move(taken)) {}

    void data_received(const plait::Bytes&) override {}
    void descriptor_received(plait::UniqueFd file) override {
        char text[4096];
        for (ssize_t got = 0; (got = ::read(file.get(), text, sizeof text)) > 0;)
            std::fwrite(text, 1, static_cast<std::size_t>(got), stdout);
    }
    void connection_lost(const plait::Failure& reason) override {
        reason.check<plait::ConnectionDone>() ? taken_.callback() : taken_.errback(reason);
    }

private:
    plait::Promise<> taken_;
};

plait::Deferred<> give(plait::Reactor& reactor, std::string path, std::string file) {
    auto [given, promise] = plait::make_deferred<>();
    auto giver = std::make_shared<Giver>(std::move(file), std::move(promise));
    // For the first only; whoever comes next is closed at once.
    const auto factory =
        plait::make_factory([giver = std::move(giver)](const plait::Address&) mutable { return std::move(giver); });
    const auto port = plait::listen_unix(reactor, path, factory, {.mode = 0600});
    std::printf("listening at %s\n", path.c_str());
    std::fflush(stdout);
    co_await std::move(given);
}

plait::Deferred<> take(plait::Reactor& reactor, std::string path) {
    auto [taken, promise] = plait::make_deferred<>();
    co_await plait::connect_unix(reactor, path, std::make_shared<Taker>(std::move(promise)));
    co_await std::move(taken);
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    return plait::react([&words](plait::Reactor& reactor) -> plait::Deferred<> {
        if (words.size() == 3 && words[0] == "give") return give(reactor, words[1], words[2]);
        if (words.size() == 2 && words[0] == "take") return take(reactor, words[1]);
        throw std::runtime_error("usage: unix_descriptors give PATH FILE | take PATH");
    });
}
