#include "plait/reactor/detail/wakeup.hpp"

#include <sys/eventfd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace plait::detail {

Wakeup::Wakeup() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (!fd_) throw std::system_error(errno, std::generic_category(), "cannot make a reactor's wake-up descriptor");
}

void Wakeup::set() noexcept {
    const int saved = errno;  // a signal handler must leave it alone
    const std::uint64_t one = 1;
    // Only a full counter can refuse, and a full counter is readable.
    while (::write(fd_.get(), &one, sizeof one) < 0 && errno == EINTR) {
    }
    errno = saved;
}

void Wakeup::clear() noexcept {
    std::uint64_t count = 0;
    while (::read(fd_.get(), &count, sizeof count) < 0 && errno == EINTR) {
    }
}

}  // namespace plait::detail
