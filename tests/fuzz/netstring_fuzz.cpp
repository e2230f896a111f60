// "pause" pauses.
#include <memory>

#include "plait/reactor/protocols/netstring_receiver.hpp"
#include "plait/reactor/testing/memory_transport.hpp"
#include "plait/tests/fuzz/fuzz.hpp"

namespace plait::fuzz {

namespace {

constexpr std::size_t longest = 40;

class Strings : public NetstringReceiver {
public:
    Strings() : NetstringReceiver(longest) {}

    void string_received(Bytes text) override {
        expect(text.size() <= longest, "no string is longer than the maximum");
        said.append(text).append("\n");
        send_string(text);
        if (text.view() == "pause") pause_producing();
    }
    void netstring_broken(const BadNetstring& why) override {
        said.append(why.what()).append("\n");
        NetstringReceiver::netstring_broken(why);
    }

    std::string said;
};

std::string received(const Pieces& pieces) {
    auto strings = std::make_shared<Strings>();
    testing::MemoryTransport transport(strings);
    std::string all;
    for (const auto& piece : pieces) {
        transport.deliver(Bytes::copy(piece));
        all += piece;
        while (strings->paused())
            strings->resume_producing();
    }
    expect(all.starts_with(transport.written()), "what is sent back is what came");
    return strings->said;
}

}  // namespace

void one_input(std::string_view input) {
    const auto ways = ways_to_cut(input);
    const auto whole = received(ways.front());
    for (const auto& pieces : ways)
        expect_same(received(pieces), whole, "netstrings are the same however they are cut");
}

}  // namespace plait::fuzz
