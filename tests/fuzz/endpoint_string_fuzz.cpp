#include <stdexcept>

#include "plait/reactor/endpoint_parser.hpp"
#include "plait/tests/fuzz/fuzz.hpp"

namespace plait::fuzz {

namespace {

template <typename Read>
void read_once(std::string_view input, Read read) {
    try {
        expect(read(input) != nullptr, "what is read is an endpoint");
    } catch (const BadEndpointString& refused) {
        expect(refused.position() <= input.size(), "what is wrong lies in the string");
        expect(std::string_view(refused.what()).find("is no endpoint: at position ") != std::string_view::npos,
               "a refusal says where");
    }
}

void read_quoted(const std::string& text) {
    EndpointArguments arguments("kind:" + quote_string_argument(text) + ":name=" + quote_string_argument(text));
    expect_same(arguments.needed("it"), text, "what is quoted is read as it was");
    expect_same(arguments.text("name").value(), text, "also behind a name");
    arguments.finish();
}

}  // namespace

void one_input(std::string_view input) {
    static Reactor reactor;
    static const EndpointParser parser(reactor);
    read_once(input, [](std::string_view text) { return parser.client(text); });
    read_once(input, [](std::string_view text) { return parser.server(text); });

    std::string plain;
    for (const char c : input.substr(0, 1000))
        if (static_cast<unsigned char>(c) >= ' ' && c != '\x7f') plain += c;
    if (!plain.empty()) read_quoted(plain);
}

}  // namespace plait::fuzz
