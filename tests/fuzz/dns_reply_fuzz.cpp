// The first line is a name or an address; the rest is what a name server sent, read as a reply to each question.
#include "plait/reactor/detail/dns_records.hpp"
#include "plait/tests/fuzz/fuzz.hpp"

namespace plait::fuzz {

namespace {

using detail::most_records;
using detail::RecordType;
using detail::ReplyHas;

void expect_meaning(ReplyHas has, std::size_t found) {
    expect(found <= most_records, "no reply gives more records than so many");
    expect(has != ReplyHas::records || found != 0, "a reply with records has some");
    expect(has != ReplyHas::none || found == 0, "a reply without records has none");
}

void read_addresses(RecordType type, std::string_view reply) {
    std::vector<std::string> found;
    const auto has = detail::read_addresses(type, reply, found);
    expect_meaning(has, found.size());
    for (const auto& ip : found)
        expect(is_numeric_address(ip) && (ip.find(':') != std::string::npos) == (type == RecordType::aaaa),
               "addresses are of the kind that was asked for");
}

void read_name(std::string_view reply) {
    std::string name;
    const auto has = detail::read_name(reply, name);
    expect_meaning(has, name.empty() ? 0 : 1);
}

}  // namespace

void one_input(std::string_view input) {
    const std::string asked(take_line(input));
    static_cast<void>(detail::is_askable_name(asked));
    if (!detail::reverse_name(asked).empty()) expect(is_numeric_address(asked), "only addresses have a reverse name");

    read_addresses(RecordType::a, input);
    read_addresses(RecordType::aaaa, input);
    std::vector<ServiceRecord> services;
    const auto has_services = detail::read_services(input, services);
    expect_meaning(has_services, services.size());
    std::vector<std::string> texts;
    const auto has_texts = detail::read_texts(input, texts);
    expect_meaning(has_texts, texts.size());
    read_name(input);
}

}  // namespace plait::fuzz
