// Fetches addresses, all at once, and prints what came of each: status, size, and where it was led to.
//
//     http_get URL...             http or https; certificates are checked against the system's
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "plait/deferred/gather.hpp"
#include "plait/reactor/protocols/http_client.hpp"
#include "plait/reactor/react.hpp"
#include "plait/reactor/tcp.hpp"
#include "plait/reactor/tls.hpp"
#include "plait/reactor/tls_context.hpp"

using namespace plait;

namespace {

Deferred<> fetch(HttpClient& client, std::string address) {
    HttpClientRequest request{.url = Url::parse(address)};
    auto opening = client.open(std::move(request));
    HttpStream answer = co_await std::move(opening);
    std::size_t size = 0;
    for (;;) {
        auto next = answer.body.read();
        const Bytes piece = co_await std::move(next);
        if (piece.empty()) break;
        size += piece.size();
    }
    std::printf("%d, %zu bytes from %s\n", answer.head.status, size, answer.url.str().c_str());
}

Deferred<> fetch_all(Reactor& reactor, const std::vector<std::string>& addresses) {
    const auto tcp = make_tcp_connector(reactor);
    HttpClient client(reactor, tcp, make_tls_connector(reactor, TlsContext::client(), tcp));
    std::vector<Deferred<>> fetches;
    for (const auto& address : addresses)
        fetches.push_back(fetch(client, address));
    auto all = gather(std::move(fetches));
    co_await std::move(all);
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> addresses(argv + 1, argv + argc);
    return react([&addresses](Reactor& reactor) { return fetch_all(reactor, addresses); });
}
