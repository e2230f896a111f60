// Three lines: LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES; an empty one is not set. The rest is a name to look for.
#include "plait/reactor/detail/systemd_sockets.hpp"

#include "plait/reactor/errors.hpp"
#include "plait/tests/fuzz/fuzz.hpp"

namespace plait::fuzz {

namespace {

using detail::SystemdSockets;

const char* given(const std::string& text) {
    return text.empty() ? nullptr : text.c_str();
}

template <typename Wanted>
bool find(const SystemdSockets& sockets, const Wanted& wanted) {
    try {
        const int fd = sockets.find(wanted);
        expect(fd >= SystemdSockets::first_fd && fd < SystemdSockets::first_fd + 1024, "it is one of those passed");
        return true;
    } catch (const CannotListen& refused) {
        expect(std::string_view(refused.what()).starts_with("cannot listen: systemd gave"), "a refusal says why");
        return false;
    }
}

}  // namespace

void one_input(std::string_view input) {
    const std::string pid(take_line(input));
    const std::string count(take_line(input));
    const std::string names(take_line(input));
    const SystemdSockets sockets(given(pid), given(count), given(names), 42);
    std::size_t there = 0;
    while (there <= 1024 && find(sockets, there))
        ++there;
    expect(!find(sockets, there + 1000), "behind the last there is none");
    if (find(sockets, std::string(input))) expect(there > 0, "a name is that of a socket");
}

}  // namespace plait::fuzz
