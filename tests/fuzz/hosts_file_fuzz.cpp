// The first line is a host, the rest a hosts file.
#include "plait/reactor/detail/hosts_file.hpp"

#include <algorithm>

#include "plait/tests/fuzz/fuzz.hpp"

namespace plait::fuzz {

namespace {

constexpr std::size_t most_found = 64;

std::vector<std::string> find(std::string_view text, std::string_view host, AddressFamily family) {
    auto found = detail::find_in_hosts(text, host, family);
    expect(found.size() <= most_found, "no host has more addresses than so many");
    for (const auto& ip : found) {
        expect(is_numeric_address(ip) && detail::is_of(family, ip), "what is found is an address of that family");
        expect(std::count(found.begin(), found.end(), ip) == 1, "each is found once");
    }
    return found;
}

}  // namespace

void one_input(std::string_view input) {
    const auto host = take_line(input);
    static_cast<void>(detail::is_localhost(host));
    const auto all = find(input, host, AddressFamily::any);
    const auto v4 = find(input, host, AddressFamily::ipv4);
    const auto v6 = find(input, host, AddressFamily::ipv6);
    if (all.size() < most_found) expect(v4.size() + v6.size() == all.size(), "an address is of one family");
    const std::string again = std::string(input) + "\n" + std::string(input);
    expect(find(again, host, AddressFamily::any) == all, "what stands there twice is found once");
}

}  // namespace plait::fuzz
