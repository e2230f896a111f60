#include "plait/reactor/detail/pseudo_terminal.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <cstdlib>

#include <array>
#include <cerrno>

namespace plait::detail {

PseudoTerminal open_pseudo_terminal(WindowSize size) noexcept {
    PseudoTerminal result;
    UniqueFd ours(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
    if (!ours || ::grantpt(ours.get()) != 0 || ::unlockpt(ours.get()) != 0) return result;
    std::array<char, 64> name{};
    if (const int error = ::ptsname_r(ours.get(), name.data(), name.size()); error != 0) {
        errno = error;
        return result;
    }
    UniqueFd childs(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!childs) return result;
    resize_terminal(ours.get(), size);
    result.ours = std::move(ours);
    result.childs = std::move(childs);
    return result;
}

void resize_terminal(int fd, WindowSize size) noexcept {
    winsize window{};
    window.ws_col = size.columns;
    window.ws_row = size.rows;
    ::ioctl(fd, TIOCSWINSZ, &window);
}

}  // namespace plait::detail
