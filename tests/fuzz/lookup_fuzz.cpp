// The protocol of docs/new_protocol.md: what a server sends.
#include "plait/examples/lookup/lookup.hpp"
#include "plait/tests/fuzz/fuzz.hpp"

// snippet: fuzz
void plait::fuzz::one_input(std::string_view input) {
    const auto record = Bytes::copy(input);
    try {
        const auto answer = lookup::decode_answer(record);
        expect_same(lookup::encode(answer).view(), input, "an answer is written as it was read");
    } catch (const lookup::BadRecord&) {
    }
}
// end of snippet
