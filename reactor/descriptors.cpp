#include "plait/reactor/descriptors.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <utility>

#include "plait/reactor/detail/attempt_pause.hpp"
#include "plait/reactor/detail/socket_port.hpp"
#include "plait/reactor/detail/stream_connection.hpp"
#include "plait/reactor/detail/tcp_policy.hpp"
#include "plait/reactor/detail/unix_address.hpp"
#include "plait/reactor/detail/unix_connection.hpp"
#include "plait/reactor/detail/unix_policy.hpp"
#include "plait/reactor/errors.hpp"

namespace plait {
namespace detail {
namespace {

using Kind = StreamEnds::Kind;

int option(int fd, int name) noexcept {
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

bool make_ready(int fd) noexcept {
    const int flags = ::fcntl(fd, F_GETFL);
    return flags >= 0 && ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 && ::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

/// What becomes of a descriptor.
struct Adopted {
    StreamEnds ends;
    Address host;
    Address peer;
    bool over_unix = false;
};

std::string name_of(int fd) {
    return "descriptor " + std::to_string(fd);
}

[[noreturn]] void cannot_adopt(int fd, const std::string& why) {
    throw ConnectError("cannot take over " + name_of(fd) + ": " + why);
}

Adopted look_at_socket(UniqueFd fd) {
    if (option(fd.get(), SO_TYPE) != SOCK_STREAM) cannot_adopt(fd.get(), "it is a socket, but not a stream");
    SocketAddress there;
    there.size = sizeof there.storage;
    if (::getpeername(fd.get(), there.get(), &there.size) != 0) cannot_adopt(fd.get(), error_text(errno));
    Adopted result{{}, name_of_socket(fd.get()), name_of_peer(fd.get()), there.family() == AF_UNIX};
    result.ends.in = std::move(fd);
    return result;
}

Adopted look_at_file(UniqueFd fd) {
    const int access = ::fcntl(fd.get(), F_GETFL) & O_ACCMODE;
    Adopted result{{}, {name_of(fd.get()), 0}, {name_of(fd.get()), 0}, false};
    result.ends.kind = access == O_RDWR ? Kind::device : Kind::files;
    (access == O_WRONLY ? result.ends.out : result.ends.in) = std::move(fd);
    return result;
}

Adopted look_at(UniqueFd fd) {
    struct stat about{};
    if (::fstat(fd.get(), &about) != 0) {
        const int number = fd.release();  // nothing is open there, or nothing of ours
        cannot_adopt(number, error_text(errno));
    }
    if (S_ISDIR(about.st_mode)) cannot_adopt(fd.get(), "it is a directory");
    if (!make_ready(fd.get())) cannot_adopt(fd.get(), error_text(errno));
    return S_ISSOCK(about.st_mode) ? look_at_socket(std::move(fd)) : look_at_file(std::move(fd));
}

Deferred<std::shared_ptr<Protocol>> begin(Reactor& reactor, Adopted adopted, std::shared_ptr<Protocol> protocol) {
    const std::string name = name_of((adopted.ends.in ? adopted.ends.in : adopted.ends.out).get());
    return pause_attempt(
               reactor, Duration::zero(), name + ", about to be taken over",
               make_failure(ConnectError("cannot take over " + name + ": the reactor was stopped or destroyed")))
        .add_callback([&core = reactor.core(), from = std::move(adopted), protocol = std::move(protocol)]() mutable {
            const auto failure = from.over_unix
                                     ? UnixConnection::start(core, std::move(from.ends.in), std::move(from.host),
                                                             std::move(from.peer), protocol)
                                     : StreamConnection::start(core, std::move(from.ends), std::move(from.host),
                                                               std::move(from.peer), protocol);
            if (failure) failure->raise();
            return protocol;
        });
}

class AdoptedPort final : public SocketPort {
public:
    AdoptedPort(ReactorCore& core, UniqueFd fd, std::shared_ptr<Factory> factory,
                std::shared_ptr<const AcceptPolicy> policy)
        : SocketPort(core, std::move(factory), std::move(policy)) {
        Address where = name_of_socket(fd.get());
        start(std::move(fd), std::move(where));
    }

private:
    UniqueFd reopen() override {
        throw CannotListen("cannot listen again on " + address().str() +
                           ": its socket came from somewhere else and is closed");
    }
};

}  // namespace
}  // namespace detail

Deferred<std::shared_ptr<Protocol>> adopt_stream(Reactor& reactor, UniqueFd stream,
                                                 std::shared_ptr<Protocol> protocol) {
    try {
        return detail::begin(reactor, detail::look_at(std::move(stream)), std::move(protocol));
    } catch (const ConnectError& error) {
        return fail<std::shared_ptr<Protocol>>(error);
    }
}

Deferred<std::shared_ptr<Protocol>> adopt_pipes(Reactor& reactor, UniqueFd in, UniqueFd out,
                                                std::shared_ptr<Protocol> protocol) {
    detail::Adopted adopted;
    adopted.ends.kind = detail::Kind::files;
    for (const UniqueFd* end : {&in, &out}) {
        if (!*end || detail::make_ready(end->get())) continue;
        return fail<std::shared_ptr<Protocol>>(
            ConnectError("cannot take over " + detail::name_of(end->get()) + ": " + detail::error_text(errno)));
    }
    if (!in && !out) return fail<std::shared_ptr<Protocol>>(ConnectError("cannot take over pipes: there are none"));
    adopted.host = {detail::name_of((in ? in : out).get()), 0};
    adopted.peer = {detail::name_of((out ? out : in).get()), 0};
    adopted.ends.in = std::move(in);
    adopted.ends.out = std::move(out);
    return detail::begin(reactor, std::move(adopted), std::move(protocol));
}

std::unique_ptr<ListeningPort> adopt_listening_port(Reactor& reactor, UniqueFd listening,
                                                    std::shared_ptr<Factory> factory, ListenOptions options) {
    const auto refuse = [&](const std::string& why) {
        throw CannotListen("cannot listen on " + detail::name_of(listening.get()) + ": " + why);
    };
    if (reactor.core().closing()) refuse("the reactor is being destroyed");
    if (detail::option(listening.get(), SO_TYPE) < 0) refuse(detail::error_text(errno));
    if (detail::option(listening.get(), SO_TYPE) != SOCK_STREAM || detail::option(listening.get(), SO_ACCEPTCONN) != 1)
        refuse("it is not a stream socket that listens");
    if (!detail::make_ready(listening.get())) refuse(detail::error_text(errno));
    std::shared_ptr<const detail::AcceptPolicy> policy;
    if (detail::option(listening.get(), SO_DOMAIN) == AF_UNIX) {
        policy = std::make_shared<detail::UnixPolicy>(detail::name_of_socket(listening.get()).ip);
    } else {
        policy = std::make_shared<detail::TcpPolicy>(options.no_delay, options.keep_alive);
    }
    return std::make_unique<detail::AdoptedPort>(reactor.core(), std::move(listening), std::move(factory),
                                                 std::move(policy));
}

}  // namespace plait
