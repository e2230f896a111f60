// The hosts file: names that this machine knows by itself. Read anew each time, so that a change counts at once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plait/reactor/address.hpp"

namespace plait::detail {

/// The addresses that the text of a hosts file has for `host`, in its order, each once. Lines that make no sense are
/// left out.
std::vector<std::string> find_in_hosts(std::string_view text, std::string_view host, AddressFamily family);

/// The same of a file. None when it is not there or no regular file; of a long one, the first MiB counts.
std::vector<std::string> find_in_hosts_file(const std::string& path, std::string_view host, AddressFamily family);

/// Whether an address belongs to `family`.
bool is_of(AddressFamily family, std::string_view ip) noexcept;

/// "localhost" and what ends in ".localhost" is this machine, whatever a name server says (RFC 6761).
bool is_localhost(std::string_view host);

}  // namespace plait::detail
