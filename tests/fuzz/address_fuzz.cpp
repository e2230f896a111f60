#include <stdexcept>

#include "plait/reactor/address.hpp"
#include "plait/tests/fuzz/fuzz.hpp"

namespace plait::fuzz {

namespace {

template <typename Read>
void read_twice(std::string_view input, Read read) {
    try {
        const auto address = read(input);
        expect(address == read(address.str()), "what an address is written as reads as that address");
    } catch (const std::invalid_argument& refused) {
        expect(std::string_view(refused.what()).size() > input.size(), "a refusal quotes what it refuses");
    }
}

}  // namespace

void one_input(std::string_view input) {
    read_twice(input, [](std::string_view text) { return parse_host_port(text); });
    read_twice(input, [](std::string_view text) { return parse_host_port(text, 2181); });
    read_twice(input, [](std::string_view text) { return parse_listen_address(text); });
    static_cast<void>(is_numeric_address(input));
}

}  // namespace plait::fuzz
