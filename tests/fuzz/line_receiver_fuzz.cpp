// A line "raw N" is followed by N raw bytes, and "pause" by a pause: the mode changes as often as the input says.
#include "plait/reactor/protocols/line_receiver.hpp"

#include <charconv>
#include <memory>

#include "plait/reactor/testing/memory_transport.hpp"
#include "plait/tests/fuzz/fuzz.hpp"

namespace plait::fuzz {

namespace {

constexpr std::size_t longest = 24;

class Lines : public LineReceiver {
public:
    explicit Lines(std::string delimiter) : LineReceiver(std::move(delimiter), longest) {}

    void line_received(Bytes line) override {
        expect(line.size() <= max_length(), "no line is longer than the maximum");
        said.append("line ").append(line).append("\n");
        const auto text = line.view();
        if (text == "pause") pause_producing();
        if (!text.starts_with("raw ")) return;
        if (std::from_chars(text.begin() + 4, text.end(), wanted_).ec == std::errc()) set_raw_mode();
    }
    void raw_data_received(const Bytes& data) override {
        const auto taken = std::min<std::size_t>(wanted_, data.size());
        wanted_ -= static_cast<unsigned>(taken);
        said.append(data.view().substr(0, taken));
        if (wanted_ == 0) set_line_mode(data.slice(taken));
    }
    void line_length_exceeded(const Bytes& start) override {
        expect(start.size() > max_length(), "only what is too long is refused");
        said.append("too long\n");
        LineReceiver::line_length_exceeded(start);
    }

    std::string said;

private:
    unsigned wanted_ = 0;
};

std::string received(const Pieces& pieces, const char* delimiter) {
    auto lines = std::make_shared<Lines>(delimiter);
    testing::MemoryTransport transport(lines);
    for (const auto& piece : pieces) {
        transport.deliver(Bytes::copy(piece));
        while (lines->paused())
            lines->resume_producing();
    }
    return lines->said;
}

}  // namespace

void one_input(std::string_view input) {
    const auto ways = ways_to_cut(input);
    for (const char* delimiter : {"\r\n", "\n", "abac"}) {
        const auto whole = received(ways.front(), delimiter);
        for (const auto& pieces : ways)
            expect_same(received(pieces, delimiter), whole, "lines are the same however they are cut");
    }
}

}  // namespace plait::fuzz
