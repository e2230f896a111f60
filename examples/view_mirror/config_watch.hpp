// ConfigWatch: the configuration as it stands in its znode, now and after each change.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "config.hpp"
#include "plait/deferred/deferred.hpp"
#include "plait/zk/client.hpp"

namespace view_mirror {

class ConfigWatch {
public:
    /// `changed` is called after each change, the first reading included.
    /// Lifetime: the client and this object must outlive the Deferred of `run()`.
    ConfigWatch(plait::zk::Client& zk, std::string path, std::function<void()> changed);

    /// Reads and watches, for ever; a znode that is not there yet is waited for. Only ever fails: with
    /// std::invalid_argument, naming the znode, when what it holds is no configuration.
    plait::Deferred<> run();

    /// Null until it was read.
    const Config* current() const noexcept { return current_ ? &*current_ : nullptr; }

private:
    plait::Deferred<> read();
    void take(std::string_view text);

    plait::zk::Client& zk_;
    std::string path_;
    std::function<void()> changed_;
    std::optional<Config> current_;
};

}  // namespace view_mirror
