// The whole input is read as each record there is: an answer may be taken for another, and lengths may lie.
#include "plait/tests/fuzz/fuzz.hpp"
#include "plait/zk/proto/records.hpp"

namespace plait::fuzz {

namespace {

template <typename Read>
void attempt(const Bytes& input, Read read) {
    zk::proto::Reader reader(input);
    try {
        read(reader);
    } catch (const zk::proto::DecodeError&) {
    }
    expect(reader.remaining() <= input.size(), "a reader never goes beyond the end");
}

}  // namespace

void one_input(std::string_view text) {
    const auto input = Bytes::copy(text);
    attempt(input, [](auto& in) { zk::proto::read_handshake(in); });
    attempt(input, [](auto& in) { zk::proto::read_stat(in); });
    attempt(input, [](auto& in) { zk::proto::read_watch_event(in); });
    attempt(input, [&](auto& in) {
        const auto node = zk::proto::read_node(in);
        expect(node.data.size() <= input.size(), "data is no longer than what came");
    });
    attempt(input, [&](auto& in) {
        std::size_t size = 0;
        for (const auto& name : zk::proto::read_strings(in))
            size += 4 + name.size();
        expect(size <= input.size(), "strings are no longer than what came");
    });
    attempt(input, [](auto& in) {
        zk::proto::read_reply_header(in);
        zk::proto::read_node(in);
    });
}

}  // namespace plait::fuzz
