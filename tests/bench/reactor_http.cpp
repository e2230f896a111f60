// reactor.http_client: GETs of a small body over 16 kept connections, by HttpClient and by libcurl's multi interface on
// epoll, from one and the same server: a bare epoll loop with a canned answer, in a process of its own on the same
// processor. Counted are requests a second, and the processor time of the client for each.
#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "measure.hpp"
#include "plait/deferred/coroutine.hpp"
#include "plait/deferred/gather.hpp"
#include "plait/reactor/protocols/http_client.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/tcp.hpp"
#include "server_process.hpp"

namespace plait::bench {
namespace {

constexpr int connections = 16;
constexpr int rounds = 21;
constexpr std::chrono::milliseconds run_length(150);
constexpr std::string_view canned =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: canned\r\nContent-Length: 64\r\n\r\n"
    "{\"couchdb\":\"Welcome\",\"version\":\"3.3.3\",\"vendor\":{\"name\":\"nnnn\"}}";
static_assert(canned.size() - canned.find("\r\n\r\n") - 4 == 64);

/// A request comes in one piece here and ends in an empty line: it is not looked at any closer.
[[noreturn]] void serve_canned(int announce) {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener, 64) != 0) std::exit(1);
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    const std::uint16_t port = ntohs(address.sin_port);
    if (::write(announce, &port, sizeof port) != sizeof port) std::exit(1);
    const int epoll = ::epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = listener;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        std::array<epoll_event, 64> events;
        const int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < ready; ++i) {
            const int fd = events[static_cast<std::size_t>(i)].data.fd;
            if (fd == listener) {
                event.data.fd = ::accept(listener, nullptr, nullptr);
                const int on = 1;
                ::setsockopt(event.data.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                ::epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
                continue;
            }
            char request[4096];
            if (::recv(fd, request, sizeof request, 0) <= 0) {
                ::close(fd);
                continue;
            }
            static_cast<void>(::send(fd, canned.data(), canned.size(), MSG_NOSIGNAL));
        }
    }
}

double own_processor_time() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// What one client did in one round.
struct Round {
    double requests_a_second = 0;
    double microseconds_each = 0;
};

template <typename Run>
Round measured(Run run) {
    const auto start = std::chrono::steady_clock::now();
    const double before = own_processor_time();
    const std::uint64_t requests = run(start + run_length);
    const double used = own_processor_time() - before;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    return {static_cast<double>(requests) / took.count(), used * 1e6 / static_cast<double>(requests)};
}

void require(bool held, const char* what) {
    if (!held) throw std::runtime_error(what);
}

class Ours {
public:
    explicit Ours(std::uint16_t port)
        : client_(reactor_, make_tcp_connector(reactor_), options()),
          url_(Url::parse("http://127.0.0.1:" + std::to_string(port) + "/")) {}

    Round run() {
        return measured([this](std::chrono::steady_clock::time_point end) {
            end_ = end;
            requests_ = 0;
            std::vector<Deferred<>> workers;
            for (int i = 0; i < connections; ++i)
                workers.push_back(work());
            reactor_.run_until(gather(std::move(workers)));
            return requests_;
        });
    }

private:
    static HttpClientOptions options() {
        HttpClientOptions options;
        options.connections_per_host = connections;
        options.decode = false;
        return options;
    }

    Deferred<> work() {
        while (std::chrono::steady_clock::now() < end_) {
            auto asked = client_.get(url_);
            const HttpResponse answer = co_await std::move(asked);
            require(answer.head.status == 200 && answer.body.size() == 64, "HttpClient got something else");
            ++requests_;
        }
    }

    Reactor reactor_;
    HttpClient client_;
    Url url_;
    std::chrono::steady_clock::time_point end_;
    std::uint64_t requests_ = 0;
};

class Curl {
public:
    explicit Curl(std::uint16_t port) : multi_(::curl_multi_init()), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
        const auto url = "http://127.0.0.1:" + std::to_string(port) + "/";
        ::curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Curl::watch);
        ::curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
        ::curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Curl::set_timer);
        ::curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
        for (auto& transfer : transfers_) {
            transfer.easy = ::curl_easy_init();
            ::curl_easy_setopt(transfer.easy, CURLOPT_URL, url.c_str());
            ::curl_easy_setopt(transfer.easy, CURLOPT_NOSIGNAL, 1L);
            ::curl_easy_setopt(transfer.easy, CURLOPT_WRITEFUNCTION, &Curl::take);
            ::curl_easy_setopt(transfer.easy, CURLOPT_WRITEDATA, &transfer);
            ::curl_easy_setopt(transfer.easy, CURLOPT_PRIVATE, &transfer);
        }
    }
    Curl(const Curl&) = delete;
    Curl& operator=(const Curl&) = delete;
    ~Curl() {
        for (auto& transfer : transfers_)
            ::curl_easy_cleanup(transfer.easy);
        ::curl_multi_cleanup(multi_);
        ::close(epoll_);
    }

    Round run() {
        return measured([this](std::chrono::steady_clock::time_point end) {
            std::uint64_t requests = 0;
            int under_way = connections;
            for (auto& transfer : transfers_)
                begin(transfer);
            while (under_way > 0) {
                turn();
                int left = 0;
                while (CURLMsg* message = ::curl_multi_info_read(multi_, &left)) {
                    require(message->msg == CURLMSG_DONE && message->data.result == CURLE_OK, "libcurl failed");
                    Transfer* transfer = nullptr;
                    ::curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
                    long status = 0;
                    ::curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
                    require(status == 200 && transfer->body.size() == 64, "libcurl got something else");
                    ::curl_multi_remove_handle(multi_, message->easy_handle);
                    ++requests;
                    if (std::chrono::steady_clock::now() < end) {
                        begin(*transfer);
                    } else {
                        --under_way;
                    }
                }
            }
            return requests;
        });
    }

private:
    struct Transfer {
        CURL* easy = nullptr;
        std::string body;
    };

    void begin(Transfer& transfer) {
        transfer.body.clear();
        ::curl_multi_add_handle(multi_, transfer.easy);
    }

    void turn() {
        int running = 0;
        if (timeout_ == 0) {
            timeout_ = -1;
            ::curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
            return;  // something may be done by that alone
        }
        std::array<epoll_event, connections> events;
        const int ready = ::epoll_wait(epoll_, events.data(), connections, static_cast<int>(timeout_));
        if (ready == 0) {
            timeout_ = -1;
            ::curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
        }
        for (int i = 0; i < ready; ++i) {
            const auto& event = events[static_cast<std::size_t>(i)];
            const int what = ((event.events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                             ((event.events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                             ((event.events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
            ::curl_multi_socket_action(multi_, event.data.fd, what, &running);
        }
    }

    static std::size_t take(char* data, std::size_t size, std::size_t count, void* transfer) {
        static_cast<Transfer*>(transfer)->body.append(data, size * count);
        return size * count;
    }

    static int watch(CURL*, curl_socket_t fd, int what, void* self, void* known) {
        auto& curl = *static_cast<Curl*>(self);
        if (what == CURL_POLL_REMOVE) {
            ::epoll_ctl(curl.epoll_, EPOLL_CTL_DEL, fd, nullptr);
            ::curl_multi_assign(curl.multi_, fd, nullptr);
            return 0;
        }
        epoll_event event{};
        event.events = ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
        event.data.fd = fd;
        ::epoll_ctl(curl.epoll_, known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
        ::curl_multi_assign(curl.multi_, fd, self);
        return 0;
    }

    static int set_timer(CURLM*, long milliseconds, void* self) {
        static_cast<Curl*>(self)->timeout_ = milliseconds;
        return 0;
    }

    CURLM* multi_;
    int epoll_;
    long timeout_ = -1;
    std::array<Transfer, connections> transfers_;
};

void measure_http_client() {
    const ServerProcess server(serve_canned);
    pin_to_one_processor();
    Ours ours(server.port());
    Curl curl(server.port());
    std::vector<double> ours_time;
    std::vector<double> curl_time;
    const auto medians = interleaved(
        rounds,
        [&] {
            const auto round = ours.run();
            ours_time.push_back(round.microseconds_each);
            return round.requests_a_second;
        },
        [&] {
            const auto round = curl.run();
            curl_time.push_back(round.microseconds_each);
            return round.requests_a_second;
        });
    print({"reactor.http_client", "requests/s", medians[0], medians[1], "libcurl multi", 1.0});
    print({"reactor.http_client_cpu", "us of CPU/request", median(ours_time), median(curl_time), "libcurl multi", 1.0,
           true});
}

}  // namespace
}  // namespace plait::bench

int main() {
    ::curl_global_init(CURL_GLOBAL_DEFAULT);
    try {
        plait::bench::measure_http_client();
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "reactor_http: %s\n", error.what());
        return 1;
    }
}
