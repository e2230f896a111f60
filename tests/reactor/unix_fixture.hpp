// A reactor with a UNIX port in a throw-away directory, and protocols that note the descriptors they get.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "plait/reactor/unix.hpp"
#include "plait/tests/reactor/open_descriptors.hpp"
#include "plait/tests/reactor/tcp_fixture.hpp"
#include "plait/tests/support/temporary_directory.hpp"

namespace plait::testing {

struct UnixRecorder : UnixProtocol {
    std::string story;  ///< "made fd:NAME x fd:NAME ..." where a name is what the descriptor's file holds
    std::vector<UniqueFd> kept;
    std::optional<Failure> reason;
    bool close_at_end = true;
    std::function<void(UnixRecorder&)> when_descriptor = [](UnixRecorder&) {};
    std::function<void(UnixRecorder&)> when_data = [](UnixRecorder&) {};

    void connection_made() override { story = "made"; }
    void data_received(const Bytes& data) override {
        story += " " + data.str();
        when_data(*this);
    }
    void descriptor_received(UniqueFd descriptor) override {
        char text[64];
        const ssize_t size = ::pread(descriptor.get(), text, sizeof text, 0);
        story += " fd:" + std::string(text, size > 0 ? static_cast<std::size_t>(size) : 0);
        kept.push_back(std::move(descriptor));
        when_descriptor(*this);
    }
    void read_connection_lost() override {
        if (close_at_end) transport().lose_connection();
    }
    void connection_lost(const Failure& why) override { reason = why; }
};

struct UnixFixture {
    support::TemporaryDirectory directory{"unix"};
    std::string path = directory.path() / "port";
    Reactor reactor;
    std::vector<std::shared_ptr<UnixRecorder>> served;
    std::unique_ptr<ListeningPort> port = listen(path);

    std::shared_ptr<Factory> factory() {
        return make_factory([this](const Address&) -> std::shared_ptr<Protocol> {
            served.push_back(std::make_shared<UnixRecorder>());
            return served.back();
        });
    }
    std::unique_ptr<ListeningPort> listen(const std::string& where, UnixListenOptions options = {}) {
        return listen_unix(reactor, where, factory(), options);
    }

    template <typename P = UnixRecorder>
    std::shared_ptr<P> connect() {
        const std::size_t before = served.size();
        auto client = std::make_shared<P>();
        reactor.run_until(connect_unix(reactor, path, client));
        wait([&] { return served.size() > before; });
        return client;
    }

    /// A descriptor of a file that holds `text`.
    UniqueFd file(const std::string& text) {
        const std::filesystem::path name = directory.path() / ("file." + text);
        support::write_file(name, text);
        return UniqueFd(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
    }

    void wait(const std::function<bool()>& condition) { run_until(reactor, condition); }
};

}  // namespace plait::testing
