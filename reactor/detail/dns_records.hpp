// Reads the records of DNS replies, by c-ares. What is malformed gives ReplyHas::nonsense, never a crash.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plait/reactor/detail/dns_lookup.hpp"
#include "plait/reactor/resolver.hpp"

namespace plait::detail {

/// Each appends to `out`, at most `most_records`.
constexpr std::size_t most_records = 256;

ReplyHas read_addresses(RecordType type, std::string_view reply, std::vector<std::string>& out);
ReplyHas read_services(std::string_view reply, std::vector<ServiceRecord>& out);
ReplyHas read_texts(std::string_view reply, std::vector<std::string>& out);
ReplyHas read_name(std::string_view reply, std::string& out);

/// "1.2.0.192.in-addr.arpa"; empty unless `ip` is numeric, and for addresses with a zone, which no server knows.
std::string reverse_name(const std::string& ip);

}  // namespace plait::detail
