#include "plait/couch_async/view/json_text.hpp"
#include "plait/tests/fuzz/fuzz.hpp"

namespace plait::fuzz {

void one_input(std::string_view input) {
    using namespace couch_async;  // NOLINT
    const auto encoded = encode_json_string(input);
    const auto decoded = decode_json_string(encoded);
    expect(decoded.has_value(), "what was encoded is a JSON string");
    expect_same(*decoded, input, "what was encoded is decoded to the same");
    if (const auto text = decode_json_string(input))
        expect(decode_json_string(encode_json_string(*text)) == text, "what was decoded can be encoded");
    // Boost.JSON refuses exponents past the range of its own counter.
    if (is_json_literal(input) && input.size() < 9) expect(is_json(input), "a literal is JSON");
    if (is_json(input) && input.front() == '"' && input.back() == '"')
        expect(decode_json_string(input).has_value(), "JSON in quotes is a string");
}

}  // namespace plait::fuzz
