#include "plait/reactor/detail/name_order.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <random>
#include <utility>

#include "plait/reactor/detail/socket.hpp"

namespace plait::detail {
namespace {

/// Connecting a UDP socket asks the routing table, and nobody else.
bool has_route(const Address& address) {
    const auto to = to_socket_address({address.ip, 53});
    if (!to) return false;
    const UniqueFd fd(::socket(to->family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return fd && ::connect(fd.get(), to->get(), to->size) == 0;
}

/// The place of the one that the weights choose. Those of weight 0 come first, so that they have a small chance.
std::size_t choose(const ServiceRecord* first, std::size_t count,
                   UniqueFunction<std::uint32_t(std::uint32_t)>& random) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < count; ++i)
        sum += first[i].weight;
    const std::uint32_t chosen = random(sum);
    std::uint32_t running = 0;
    for (std::size_t i = 0; i < count; ++i) {
        running += first[i].weight;
        if (running >= chosen) return i;
    }
    return count - 1;
}

/// Equals keep their order. For the few that a look-up finds; std::stable_sort uses what newer libraries deprecate.
template <typename T, typename Less>
void sort_stably(std::vector<T>& all, Less less) {
    for (auto next = all.begin(); next != all.end(); ++next)
        std::rotate(std::upper_bound(all.begin(), next, *next, less), next, next + 1);
}

}  // namespace

void order_addresses(std::vector<Address>& addresses) {
    if (addresses.size() < 2) return;
    std::vector<std::pair<int, Address>> ranked;
    for (Address& address : addresses) {
        const int rank = (has_route(address) ? 0 : 2) + (address.ip.find(':') != std::string::npos ? 0 : 1);
        ranked.emplace_back(rank, std::move(address));
    }
    sort_stably(ranked, [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t i = 0; i < ranked.size(); ++i)
        addresses[i] = std::move(ranked[i].second);
}

void order_services(std::vector<ServiceRecord>& services, UniqueFunction<std::uint32_t(std::uint32_t)> random) {
    sort_stably(services, [](const ServiceRecord& a, const ServiceRecord& b) {
        return std::pair(a.priority, a.weight != 0) < std::pair(b.priority, b.weight != 0);
    });
    for (std::size_t at = 0; at < services.size(); ++at) {
        std::size_t equals = 1;
        while (at + equals < services.size() && services[at + equals].priority == services[at].priority)
            ++equals;
        const auto first = services.begin() + static_cast<std::ptrdiff_t>(at);
        const std::size_t chosen = choose(&*first, equals, random);
        std::rotate(first, first + static_cast<std::ptrdiff_t>(chosen),
                    first + static_cast<std::ptrdiff_t>(chosen) + 1);
    }
}

std::uint32_t random_up_to(std::uint32_t most) {
    static thread_local std::minstd_rand numbers{std::random_device()()};
    return std::uniform_int_distribution<std::uint32_t>(0, most)(numbers);
}

}  // namespace plait::detail
