// UniqueFd: owns a file descriptor and closes it.
// It knows nothing about what the descriptor is, and reports no error of closing it.
#pragma once

#include <unistd.h>

#include <utility>

namespace plait {

/// The one owner of a descriptor; move-only. Destroying it closes the descriptor.
class UniqueFd {
public:
    /// Owns nothing.
    UniqueFd() noexcept = default;
    /// Takes over `fd`; a negative one is nothing.
    explicit UniqueFd(int fd) noexcept : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        reset(std::exchange(other.fd_, -1));
        return *this;
    }
    ~UniqueFd() { reset(); }

    /// The descriptor, still owned; -1 when there is none.
    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }

    /// The descriptor, no longer owned.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

    /// Closes what is owned and takes over `fd`.
    void reset(int fd = -1) noexcept {
        if (const int old = std::exchange(fd_, fd); old >= 0) ::close(old);
    }

private:
    int fd_ = -1;
};

}  // namespace plait
