#include "plait/reactor/detail/dns_records.hpp"

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <array>
#include <memory>

#include "plait/reactor/detail/socket.hpp"

namespace plait::detail {
namespace {

const unsigned char* bytes_of(std::string_view reply) {
    return reinterpret_cast<const unsigned char*>(reply.data());
}

int size_of(std::string_view reply) {
    return static_cast<int>(reply.size());
}

ReplyHas meaning_of(int status) {
    if (status == ARES_SUCCESS) return ReplyHas::records;
    return status == ARES_ENODATA ? ReplyHas::none : ReplyHas::nonsense;
}

/// An alias that leads nowhere, or records of other types, are no answer.
ReplyHas with_any(bool any, int status) {
    const ReplyHas has = meaning_of(status);
    return has == ReplyHas::records && !any ? ReplyHas::none : has;
}

struct FreeData {
    void operator()(void* data) const noexcept { ares_free_data(data); }
};

template <typename Binary>
void append_text(int family, const Binary& address, std::vector<std::string>& out) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (::inet_ntop(family, &address, text.data(), text.size()) != nullptr) out.emplace_back(text.data());
}

}  // namespace

ReplyHas read_addresses(RecordType type, std::string_view reply, std::vector<std::string>& out) {
    const std::size_t before = out.size();
    int count = most_records;
    int status = ARES_ENODATA;
    if (type == RecordType::a) {
        std::array<ares_addrttl, most_records> found;
        status = ares_parse_a_reply(bytes_of(reply), size_of(reply), nullptr, found.data(), &count);
        for (int i = 0; status == ARES_SUCCESS && i < count; ++i)
            append_text(AF_INET, found[static_cast<std::size_t>(i)].ipaddr, out);
    } else {
        std::array<ares_addr6ttl, most_records> found;
        status = ares_parse_aaaa_reply(bytes_of(reply), size_of(reply), nullptr, found.data(), &count);
        for (int i = 0; status == ARES_SUCCESS && i < count; ++i)
            append_text(AF_INET6, found[static_cast<std::size_t>(i)].ip6addr, out);
    }
    return with_any(out.size() != before, status);
}

ReplyHas read_services(std::string_view reply, std::vector<ServiceRecord>& out) {
    const std::size_t before = out.size();
    ares_srv_reply* found = nullptr;
    const int status = ares_parse_srv_reply(bytes_of(reply), size_of(reply), &found);
    const std::unique_ptr<ares_srv_reply, FreeData> owner(found);
    for (; found != nullptr && out.size() < most_records; found = found->next)
        out.push_back({found->host, found->port, found->priority, found->weight});
    return with_any(out.size() != before, status);
}

ReplyHas read_texts(std::string_view reply, std::vector<std::string>& out) {
    const std::size_t before = out.size();
    ares_txt_ext* found = nullptr;
    const int status = ares_parse_txt_reply_ext(bytes_of(reply), size_of(reply), &found);
    const std::unique_ptr<ares_txt_ext, FreeData> owner(found);
    for (; found != nullptr; found = found->next) {
        if (found->record_start != 0 || out.empty()) {
            if (out.size() == most_records) break;
            out.emplace_back();
        }
        out.back().append(reinterpret_cast<const char*>(found->txt), found->length);
    }
    return with_any(out.size() != before, status);
}

ReplyHas read_name(std::string_view reply, std::string& out) {
    hostent* found = nullptr;
    const int status = ares_parse_ptr_reply(bytes_of(reply), size_of(reply), nullptr, 0, AF_INET, &found);
    if (found != nullptr && found->h_name != nullptr) out = found->h_name;
    if (found != nullptr) ares_free_hostent(found);
    return with_any(!out.empty(), status);
}

std::string reverse_name(const std::string& ip) {
    if (!is_numeric_address(ip)) return {};
    in_addr v4{};
    if (::inet_pton(AF_INET, ip.c_str(), &v4) == 1) {
        const auto* const part = reinterpret_cast<const unsigned char*>(&v4.s_addr);
        std::string name;
        for (int i = 3; i >= 0; --i)
            name += std::to_string(part[i]) + ".";
        return name + "in-addr.arpa";
    }
    in6_addr v6{};
    if (::inet_pton(AF_INET6, ip.c_str(), &v6) != 1) return {};
    constexpr const char* digits = "0123456789abcdef";
    std::string name;
    for (int i = 15; i >= 0; --i) {
        const unsigned byte = v6.s6_addr[i];
        name += {digits[byte & 15U], '.', digits[byte >> 4U], '.'};
    }
    return name + "ip6.arpa";
}

}  // namespace plait::detail
