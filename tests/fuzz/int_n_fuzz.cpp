// Strings with 1, 2 and 4 bytes of length in front; "pause" pauses.
#include "plait/reactor/protocols/int_n_receiver.hpp"

#include <memory>

#include "plait/reactor/testing/memory_transport.hpp"
#include "plait/tests/fuzz/fuzz.hpp"

namespace plait::fuzz {

namespace {

constexpr std::size_t longest = 40;

template <typename Base>
class Strings : public Base {
public:
    Strings() : Base(longest) {}

    void string_received(Bytes text) override {
        expect(text.size() <= longest, "no string is longer than the maximum");
        said.append(std::to_string(text.size())).append(":").append(text).append("\n");
        if (text.view() == "pause") this->pause_producing();
    }
    void length_limit_exceeded(std::uint32_t length) override {
        expect(length > longest, "only what is too long is refused");
        said.append("too long\n");
        Base::length_limit_exceeded(length);
    }

    std::string said;
};

template <typename Base>
std::string received(const Pieces& pieces) {
    auto strings = std::make_shared<Strings<Base>>();
    testing::MemoryTransport transport(strings);
    for (const auto& piece : pieces) {
        transport.deliver(Bytes::copy(piece));
        while (strings->paused())
            strings->resume_producing();
    }
    return strings->said;
}

template <typename Base>
void same_however_cut(const std::vector<Pieces>& ways) {
    const auto whole = received<Base>(ways.front());
    for (const auto& pieces : ways)
        expect_same(received<Base>(pieces), whole, "strings are the same however they are cut");
}

}  // namespace

void one_input(std::string_view input) {
    const auto ways = ways_to_cut(input);
    same_however_cut<Int8StringReceiver>(ways);
    same_however_cut<Int16StringReceiver>(ways);
    same_however_cut<Int32StringReceiver>(ways);
}

}  // namespace plait::fuzz
