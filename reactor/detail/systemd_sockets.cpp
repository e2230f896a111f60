#include "plait/reactor/detail/systemd_sockets.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "plait/reactor/errors.hpp"

namespace plait::detail {
namespace {

constexpr std::int64_t most_sockets = 1024;

std::optional<std::int64_t> number_in(const char* text) {
    if (text == nullptr) return std::nullopt;
    const std::string_view digits = text;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
}

}  // namespace

SystemdSockets::SystemdSockets(const char* listen_pid, const char* listen_fds, const char* listen_fdnames, pid_t self) {
    const auto pid = number_in(listen_pid);
    const auto count = number_in(listen_fds);
    if (!pid || !count) {
        why_none_ = "LISTEN_PID and LISTEN_FDS are not set, so it was not started by a socket unit";
    } else if (*pid != self) {
        why_none_ = "LISTEN_PID is that of another process";
    } else if (*count <= 0 || *count > most_sockets) {
        why_none_ = "LISTEN_FDS gives none";
    } else {
        names_.resize(static_cast<std::size_t>(*count));
    }
    std::string_view left = listen_fdnames == nullptr ? std::string_view() : listen_fdnames;
    for (std::string& name : names_) {
        const std::string_view first = left.substr(0, left.find(':'));
        left.remove_prefix(std::min(first.size() + 1, left.size()));
        name = first;
    }
}

int SystemdSockets::find(std::size_t index) const {
    if (index >= names_.size()) refuse("number " + std::to_string(index));
    return first_fd + static_cast<int>(index);
}

int SystemdSockets::find(const std::string& name) const {
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found == names_.end() || name.empty()) refuse("named \"" + name + "\"");
    return first_fd + static_cast<int>(found - names_.begin());
}

void SystemdSockets::refuse(const std::string& wanted) const {
    std::string text = "cannot listen: systemd gave this process no socket " + wanted + "; ";
    if (names_.empty()) throw CannotListen(text + why_none_);
    text += "it gave " + std::to_string(names_.size()) + ":";
    for (const std::string& name : names_)
        text += " \"" + name + "\"";
    throw CannotListen(text);
}

}  // namespace plait::detail
