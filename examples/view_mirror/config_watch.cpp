#include "config_watch.hpp"

#include <stdexcept>

#include "insist.hpp"
#include "say.hpp"

namespace view_mirror {

using plait::Deferred;
namespace zk = plait::zk;

ConfigWatch::ConfigWatch(zk::Client& zk, std::string path, std::function<void()> changed)
    : zk_(zk), path_(std::move(path)), changed_(std::move(changed)) {}

Deferred<> ConfigWatch::run() {
    for (;;) {
        auto there = co_await insist([this] { return zk_.exists_and_watch(path_); });
        if (there.value) {
            // The watch is armed: a change after this read is not missed.
            co_await read();
        } else {
            say("waits for a configuration: write it to the znode " + path_);
        }
        co_await std::move(there.changed);
    }
}

Deferred<> ConfigWatch::read() {
    try {
        const zk::Node node = co_await insist([this] { return zk_.get(path_); });
        take(node.data);
    } catch (const zk::NoNode&) {
        // Removed since: the watch says so too.
    }
}

void ConfigWatch::take(std::string_view text) {
    Config config;
    try {
        config = Config::parse(text);
    } catch (const std::invalid_argument& error) {
        throw std::invalid_argument("the configuration in znode " + path_ + " cannot be used: " + error.what());
    }
    if (current_ == config) return;
    current_ = std::move(config);
    changed_();
}

}  // namespace view_mirror
