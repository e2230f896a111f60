#include "plait/reactor/detail/unix_name.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "plait/reactor/detail/unix_address.hpp"
#include "plait/reactor/errors.hpp"

namespace plait::detail {

void cannot_listen_at(const std::string& path, const std::string& why) {
    throw CannotListen("cannot listen on " + path + ": " + why);
}

UniqueFd UnixName::bind(int type) {
    const auto address = to_unix_address(path_);
    if (!address) cannot_listen_at("a UNIX socket", why_not_a_path(path_));
    if (!is_abstract(path_) && remove_stale_) {
        lock();
        remove_stale(type, *address);
    }
    UniqueFd fd = make_socket(AF_UNIX, type);
    int error = 0;
    if (!fd || ::bind(fd.get(), address->get(), address->size) != 0) {
        error = errno;
    } else if (!is_abstract(path_)) {
        has_file_ = ::lstat(path_.c_str(), &made_) == 0;
        if (::chmod(path_.c_str(), mode_) != 0) error = errno;
    }
    if (error == 0) return fd;
    remove();
    cannot_listen_at(path_,
                     error_text(error) + (error == EADDRINUSE ? "; another program has it, or left it behind" : ""));
}

void UnixName::lock() {
    lock_.emplace(path_ + ".lock", clock_);
    bool locked = false;
    try {
        locked = lock_->try_lock();
    } catch (const FilesystemLockError& error) {
        lock_.reset();
        cannot_listen_at(path_, error.what());
    }
    if (locked) return;
    lock_.reset();
    cannot_listen_at(path_, "another program listens there (it holds the lock on " + path_ + ".lock)");
}

void UnixName::remove_stale(int type, const SocketAddress& address) {
    struct stat there{};
    if (::lstat(path_.c_str(), &there) != 0) return;
    std::string why_not;
    if (!S_ISSOCK(there.st_mode)) {
        why_not = "something that is not a socket is there: choose another path, or remove it";
    } else if (const UniqueFd asking = make_socket(AF_UNIX, type);
               !asking || ::connect(asking.get(), address.get(), address.size) == 0 || errno != ECONNREFUSED) {
        why_not = "another program listens there";
    } else if (::unlink(path_.c_str()) != 0) {
        why_not = "the socket that was left behind there cannot be removed: " + error_text(errno);
    }
    if (why_not.empty()) return;
    lock_.reset();
    cannot_listen_at(path_, why_not);
}

void UnixName::remove() noexcept {
    struct stat there{};
    if (has_file_ && ::lstat(path_.c_str(), &there) == 0 && there.st_ino == made_.st_ino &&
        there.st_dev == made_.st_dev)
        ::unlink(path_.c_str());
    has_file_ = false;
    lock_.reset();
}

}  // namespace plait::detail
