#define BOOST_TEST_MODULE line_receiver
#include "plait/reactor/protocols/line_receiver.hpp"

#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "plait/reactor/errors.hpp"
#include "plait/reactor/testing/memory_transport.hpp"
#include "plait/tests/reactor/reports.hpp"

using namespace plait;           // NOLINT
using namespace plait::testing;  // NOLINT

namespace {

class Lines : public LineReceiver {
public:
    using LineReceiver::LineReceiver;

    void line_received(Bytes line) override {
        BOOST_TEST(depth_ == 0);
        ++depth_;
        events.push_back("line " + line.str());
        last = line;
        if (on_line) on_line(*this, line.str());
        --depth_;
    }
    void raw_data_received(const Bytes& data) override {
        BOOST_TEST(depth_ == 0);
        ++depth_;
        if (events.empty() || !events.back().starts_with("raw ")) events.push_back("raw ");
        events.back() += data.view();
        if (on_raw) on_raw(*this, data);
        --depth_;
    }
    void line_length_exceeded(const Bytes& start) override {
        events.push_back("too long");
        LineReceiver::line_length_exceeded(start);
    }
    void connection_lost(const Failure& reason) override { events.push_back("lost " + reason.message()); }

    std::string joined() const {
        std::string text;
        for (const auto& event : events)
            text.append(text.empty() ? "" : " | ").append(event);
        return text;
    }

    std::vector<std::string> events;
    Bytes last;
    std::function<void(Lines&, const std::string&)> on_line;
    std::function<void(Lines&, const Bytes&)> on_raw;

private:
    int depth_ = 0;
};

/// What comes of `text` in pieces of `size` bytes.
std::string received(const std::string& text, std::size_t size, std::string delimiter, std::size_t most) {
    auto lines = std::make_shared<Lines>(std::move(delimiter), most);
    MemoryTransport transport(lines);
    for (std::size_t at = 0; at < text.size(); at += size)
        transport.deliver(std::string_view(text).substr(at, size));
    return lines->joined();
}

}  // namespace

BOOST_AUTO_TEST_CASE(lines_come_out_however_they_are_cut) {
    const std::string text = "first\r\n\r\nwith \r inside\r\nwith \n inside\r\n\r\r\nlast\r\nunfinished";
    for (std::size_t size = 1; size <= text.size(); ++size) {
        BOOST_TEST(received(text, size, "\r\n", 100) ==
                   "line first | line  | line with \r inside | line with \n inside | line \r | line last");
    }
}

BOOST_AUTO_TEST_CASE(any_delimiter_will_do) {
    for (std::size_t size = 1; size <= 12; ++size) {
        BOOST_TEST(received("a\nb\n\nc", size, "\n", 100) == "line a | line b | line ");
        BOOST_TEST(received("1--2-x-3---4--", size, "--", 100) == "line 1 | line 2-x-3 | line -4");
        BOOST_TEST(received("aababac", size, "abac", 100) == "line aab");
    }
    BOOST_CHECK_THROW(Lines(""), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_line_of_the_maximum_length_passes_and_one_byte_more_does_not) {
    for (std::size_t size = 1; size <= 12; ++size) {
        BOOST_TEST(received("12345\r\n1234\r\n", size, "\r\n", 5) == "line 12345 | line 1234");
        BOOST_TEST(received("123456\r\n1234\r\n", size, "\r\n", 5).starts_with("too long | lost "));
        BOOST_TEST(received("1234567", size, "\r\n", 5).starts_with("too long | lost "));
    }
}

BOOST_AUTO_TEST_CASE(part_of_the_delimiter_at_the_limit_is_tolerated) {
    BOOST_TEST(received("12345\r", 6, "\r\n", 5) == "");
    BOOST_TEST(received("12345\r", 1, "\r\n", 5) == "");
    BOOST_TEST(received("12345\r\n", 6, "\r\n", 5) == "line 12345");
}

BOOST_AUTO_TEST_CASE(an_overlong_line_loses_the_connection) {
    auto lines = std::make_shared<Lines>("\r\n", 5);
    MemoryTransport transport(lines);
    transport.deliver("fine\r\nmuch too long\r\nnever\r\n");
    BOOST_TEST(lines->joined() ==
               "line fine | too long | lost plait::LineTooLong: the connection to 192.168.1.1:54321 was closed: a line "
               "is longer than the 5 bytes allowed; set_max_length() allows more");
    BOOST_TEST(transport.disconnecting());
}

BOOST_AUTO_TEST_CASE(a_line_within_one_piece_is_a_slice_of_it) {
    auto lines = std::make_shared<Lines>();
    MemoryTransport transport(lines);
    const auto piece = Bytes::copy("one\r\ntwo\r\n");
    transport.deliver(piece);
    BOOST_TEST(lines->last.view() == "two");
    BOOST_TEST((lines->last.data() == piece.data() + 5));
}

BOOST_AUTO_TEST_CASE(raw_mode_takes_over_right_after_the_line) {
    for (std::size_t size = 1; size <= 30; ++size) {
        auto lines = std::make_shared<Lines>();
        std::size_t wanted = 0;
        lines->on_line = [&wanted](Lines& self, const std::string& line) {
            if (!line.starts_with("raw")) return;
            wanted = 5;
            self.set_raw_mode();
        };
        lines->on_raw = [&wanted](Lines& self, const Bytes& data) {
            const auto taken = std::min(wanted, data.size());
            wanted -= taken;
            if (wanted == 0) {
                if (taken < data.size()) self.events.back().resize(self.events.back().size() - (data.size() - taken));
                self.set_line_mode(data.slice(taken));
            }
        };
        MemoryTransport transport(lines);
        const std::string text = "hi\r\nraw\r\n\r\n\r\n.line\r\nraw\r\nabcdeend\r\n";
        for (std::size_t at = 0; at < text.size(); at += size) {
            transport.deliver(std::string_view(text).substr(at, size));
        }
        BOOST_TEST(lines->joined() ==
                   "line hi | line raw | raw \r\n\r\n. | line line | line raw | raw abcde | line end");
    }
}

BOOST_AUTO_TEST_CASE(changing_modes_a_hundred_thousand_times_in_one_piece_needs_no_stack) {
    auto lines = std::make_shared<Lines>("\n");
    std::size_t changes = 0;
    lines->on_line = [](Lines& self, const std::string&) {
        self.events.clear();
        self.set_raw_mode();
    };
    lines->on_raw = [&changes](Lines& self, const Bytes& data) {
        self.events.clear();
        ++changes;
        self.set_line_mode(data);
    };
    MemoryTransport transport(lines);
    transport.deliver(std::string(100'000, '\n'));
    BOOST_TEST(changes == 99'999U);
}

BOOST_AUTO_TEST_CASE(raw_mode_without_a_raw_callback_ends_the_connection) {
    class OnlyLines : public LineReceiver {
        void line_received(Bytes) override { set_raw_mode(); }
        void connection_lost(const Failure& reason) override { was_state = reason.check<InvalidState>() != nullptr; }

    public:
        bool was_state = false;
    };
    auto lines = std::make_shared<OnlyLines>();
    MemoryTransport transport(lines);
    transport.deliver("x\r\nraw");
    BOOST_TEST(lines->was_state);
}

BOOST_AUTO_TEST_CASE(a_pause_within_a_line_holds_back_the_next_one) {
    auto lines = std::make_shared<Lines>();
    lines->on_line = [](Lines& self, const std::string&) { self.pause_producing(); };
    MemoryTransport transport(lines);
    transport.deliver("a\r\nb\r\nc\r\n");
    BOOST_TEST(lines->joined() == "line a");
    BOOST_TEST(transport.reading_paused());
    lines->resume_producing();
    BOOST_TEST(lines->joined() == "line a | line b");
    BOOST_TEST(transport.reading_paused());
    lines->on_line = nullptr;
    lines->resume_producing();
    BOOST_TEST(lines->joined() == "line a | line b | line c");
    BOOST_TEST(!transport.reading_paused());
}

BOOST_AUTO_TEST_CASE(pausing_and_resuming_within_a_line_changes_nothing) {
    auto lines = std::make_shared<Lines>();
    lines->on_line = [](Lines& self, const std::string&) {
        self.pause_producing();
        self.resume_producing();
    };
    MemoryTransport transport(lines);
    transport.deliver("a\r\nb\r\nc\r\n");
    BOOST_TEST(lines->joined() == "line a | line b | line c");
}

BOOST_AUTO_TEST_CASE(no_line_comes_once_the_connection_is_closing) {
    auto lines = std::make_shared<Lines>();
    lines->on_line = [](Lines& self, const std::string&) { self.transport().lose_connection(); };
    MemoryTransport transport(lines);
    transport.deliver("a\r\nb\r\n");
    transport.deliver("c\r\n");
    BOOST_TEST(lines->joined() == "line a");
    transport.lose_cleanly();
    lines->resume_producing();
    BOOST_TEST(lines->events.size() == 2U);
}

BOOST_AUTO_TEST_CASE(what_a_line_callback_throws_is_the_reason_the_connection_ends) {
    auto lines = std::make_shared<Lines>();
    lines->on_line = [](Lines&, const std::string& line) { throw std::runtime_error("cannot " + line); };
    MemoryTransport transport(lines);
    transport.deliver("run\r\nnever\r\n");
    BOOST_TEST(transport.lost());
    BOOST_TEST(lines->events.size() == 2U);
    BOOST_TEST(lines->events.back().find("cannot run") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_receiver_may_go_away_within_its_callback) {
    auto transport = std::unique_ptr<MemoryTransport>();
    auto lines = std::make_shared<Lines>();
    const std::weak_ptr<Lines> watched = lines;
    lines->on_line = [&transport](Lines&, const std::string&) { transport.reset(); };
    transport = std::make_unique<MemoryTransport>(lines);
    lines->pause_producing();
    transport->deliver("a\r\n");
    auto* const bare = lines.get();
    lines.reset();
    bare->resume_producing();
    if (transport) transport->deliver_held();
    BOOST_TEST(!transport);
    BOOST_TEST(watched.expired());
}

BOOST_AUTO_TEST_CASE(send_line_adds_the_delimiter) {
    auto lines = std::make_shared<Lines>("--");
    MemoryTransport transport(lines);
    lines->send_line("a b");
    lines->send_line("");
    BOOST_TEST(transport.written() == "a b----");
}

BOOST_AUTO_TEST_CASE(a_limit_may_be_as_large_as_numbers_go) {
    for (const std::string& delimiter : {std::string("\r\n"), std::string("\n"), std::string("----")}) {
        const std::string text = "first" + delimiter + "second" + delimiter;
        for (std::size_t size = 1; size <= text.size(); ++size)
            BOOST_TEST(received(text, size, delimiter, Bytes::npos) == "line first | line second");
    }
}

BOOST_AUTO_TEST_CASE(a_change_of_mode_outside_callbacks_delivers_what_is_here) {
    auto lines = std::make_shared<Lines>();
    MemoryTransport transport(lines);
    transport.deliver("unfinished");
    lines->set_raw_mode();
    BOOST_TEST(lines->joined() == "raw unfinished");
    lines->set_line_mode(Bytes::borrow("a\r\n"));
    BOOST_TEST(lines->joined() == "raw unfinished | line a");
}

BOOST_AUTO_TEST_CASE(a_cleared_buffer_gives_back_what_was_not_delivered) {
    const auto lines = std::make_shared<Lines>();
    MemoryTransport transport(lines);
    Bytes behind;
    lines->on_line = [&](Lines& self, const std::string& line) {
        if (line == "STARTTLS") behind = self.clear_line_buffer();
    };
    transport.deliver("STARTTLS\r\nslipped in\r\nand more");
    BOOST_TEST(lines->joined() == "line STARTTLS");
    BOOST_TEST(behind.str() == "slipped in\r\nand more");
    transport.deliver("half a");  // also of a line that came in pieces
    transport.deliver(" line");
    BOOST_TEST(lines->clear_line_buffer().str() == "half a line");
    transport.deliver("whole\r\n");
    BOOST_TEST(lines->joined() == "line STARTTLS | line whole");
    BOOST_TEST(lines->clear_line_buffer().empty());
}

BOOST_AUTO_TEST_CASE(what_a_callback_throws_outside_reading_aborts_the_connection) {
    const Reports reports;
    auto lines = std::make_shared<Lines>();
    lines->on_line = [](Lines&, const std::string&) { throw std::runtime_error("cannot"); };
    MemoryTransport transport(lines);
    lines->set_raw_mode();
    lines->set_line_mode(Bytes::borrow("a\r\n"));
    BOOST_TEST(transport.aborted());
    transport.lose(make_failure(ConnectionAborted("as a reactor says of abort_connection()")));
    BOOST_TEST(lines->joined() == "line a | lost std::runtime_error: cannot");
    BOOST_TEST(reports.count() == 0U);
}

BOOST_AUTO_TEST_CASE(who_does_not_close_for_an_overlong_line_goes_on_with_what_comes_next) {
    struct Patient : LineReceiver {
        Patient() : LineReceiver("\r\n", 5) {}
        void line_received(Bytes line) override { told += line.str() + " "; }
        void line_length_exceeded(const Bytes& start) override { told += "(" + start.str().substr(0, 6) + ") "; }
        std::string told;
    };
    const auto lines = std::make_shared<Patient>();
    MemoryTransport transport(lines);
    transport.deliver("one\r\nmuch too long\r\ndropped\r\n");
    transport.deliver("two\r\n");
    BOOST_TEST(lines->told == "one (much t) two ");
}

BOOST_AUTO_TEST_CASE(extra_bytes_of_line_mode_come_before_what_is_here_already) {
    const auto lines = std::make_shared<Lines>();
    MemoryTransport transport(lines);
    lines->on_line = [](Lines& self, const std::string& line) {
        if (line == "one") self.set_line_mode(Bytes::copy("between\r\n"));
    };
    transport.deliver("one\r\ntwo\r\n");
    BOOST_TEST(lines->joined() == "line one | line between | line two");
}

BOOST_AUTO_TEST_CASE(what_was_kept_when_a_callback_threw_is_not_delivered_later) {
    struct Throwing : LineReceiver {
        void line_received(Bytes line) override {
            told += line.str() + " ";
            if (line.view() == "bad") throw std::runtime_error("no");
        }
        std::string told;
    };
    const auto lines = std::make_shared<Throwing>();
    MemoryTransport transport(lines);
    // Called as by a wrapper that goes on all the same.
    BOOST_CHECK_THROW(lines->data_received(Bytes::copy("bad\r\nkept\r\n")), std::runtime_error);
    lines->data_received(Bytes::copy("good\r\n"));
    BOOST_TEST(lines->told == "bad good ");
}
