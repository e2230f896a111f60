// The cases that Twisted's own suite has for its protocol helpers, under names of ours.
#define BOOST_TEST_MODULE acceptance_protocols
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <memory>

#include "plait/deferred/testing/manual_clock.hpp"
#include "plait/reactor/protocols/line_only_receiver.hpp"
#include "plait/reactor/protocols/timeout_mixin.hpp"
#include "plait/tests/reactor/string_receivers.hpp"

using namespace plait;           // NOLINT
using namespace plait::testing;  // NOLINT
using namespace std::chrono_literals;

namespace {

using Formats = boost::mpl::list<IntN<1>, IntN<2>, IntN<4>, Netstring>;

template <typename Base>
class Lines : public Base {
public:
    using Base::Base;
    void line_received(Bytes line) override { said += line.str() + "|"; }
    void line_length_exceeded(const Bytes& start) override {
        said += "too long";
        Base::line_length_exceeded(start);
    }
    void connection_lost(const Failure& why) override { reason = why; }
    std::string said;
    std::optional<Failure> reason;
};

template <typename Receiver>
std::string lines(const Pieces& pieces) {
    auto receiver = std::make_shared<Receiver>("\r\n", 5);
    MemoryTransport transport(receiver);
    for (const auto& piece : pieces)
        transport.deliver(piece);
    return receiver->said;
}

using LineKinds = boost::mpl::list<Lines<LineReceiver>, Lines<LineOnlyReceiver>>;

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(int_n_and_netstring_byte_at_a_time_is_as_whole, Format, Formats) {
    const auto text = encoded<Format>({"a", "", "somewhat longer", "b"});
    const auto whole = received<Format>({text});
    BOOST_TEST(whole == "a||somewhat longer|b|");
    BOOST_TEST(received<Format>(cut_every(text, 1)) == whole);
    for (std::uint64_t seed = 1; seed <= 50; ++seed)
        BOOST_TEST(received<Format>(cut_at_random(text, seed)) == whole, "seed " << seed);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(line_byte_at_a_time_is_as_whole, Receiver, LineKinds) {
    for (const auto& pieces : ways_to_cut("a\r\n\r\nb\rc\r\n\r\r\nd"))
        BOOST_TEST(lines<Receiver>(pieces) == "a||b\rc|\r|");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(int_n_and_netstring_limit_plus_and_minus_one, Format, Formats) {
    BOOST_TEST(received<Format>({Format::encoded("1234")}, 5) == "1234|");
    BOOST_TEST(received<Format>({Format::encoded("12345")}, 5) == "12345|");
    BOOST_TEST(received<Format>({Format::encoded("123456")}, 5) == Format::too_long(6));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(line_limit_plus_and_minus_one, Receiver, LineKinds) {
    for (const auto& pieces : ways_to_cut("1234\r\n12345\r\n"))
        BOOST_TEST(lines<Receiver>(pieces) == "1234|12345|");
    for (const auto& pieces : ways_to_cut("1234\r\n123456\r\n12\r\n"))
        BOOST_TEST(lines<Receiver>(pieces) == "1234|too long");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(line_past_the_limit_is_a_typed_failure_that_names_peer_and_limit, Receiver, LineKinds) {
    for (const auto& pieces : ways_to_cut("1234\r\n123456\r\n12\r\n")) {
        auto receiver = std::make_shared<Receiver>("\r\n", 5);
        MemoryTransport transport(receiver, {"10.0.0.1", 1}, {"192.0.2.7", 4000});
        for (const auto& piece : pieces)
            transport.deliver(piece);
        BOOST_REQUIRE(receiver->reason.has_value());
        BOOST_TEST(receiver->reason->message() ==
                   "plait::LineTooLong: the connection to 192.0.2.7:4000 was closed: a line is longer than the 5 bytes "
                   "allowed; set_max_length() allows more");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(line_partial_delimiter_at_the_limit_plus_and_minus_one, Receiver, LineKinds) {
    for (const auto& pieces : ways_to_cut("1234\r"))
        BOOST_TEST(lines<Receiver>(pieces) == "");
    for (const auto& pieces : ways_to_cut("12345\r"))
        BOOST_TEST(lines<Receiver>(pieces) == "");
    for (const auto& pieces : ways_to_cut("12345\r\n"))
        BOOST_TEST(lines<Receiver>(pieces) == "12345|");
    for (const auto& pieces : ways_to_cut("123456\r"))
        BOOST_TEST(lines<Receiver>(pieces) == "too long");
}

BOOST_AUTO_TEST_CASE(line_and_raw_mode_changed_in_one_read_without_recursion) {
    class Flipping : public LineReceiver {
    public:
        Flipping() : LineReceiver("\n") {}
        void line_received(Bytes) override {
            most_nested = std::max(most_nested, ++nested_);
            set_raw_mode();
            --nested_;
        }
        void raw_data_received(const Bytes& data) override {
            most_nested = std::max(most_nested, ++nested_);
            ++raw;
            set_line_mode(data);
            --nested_;
        }
        int raw = 0;
        int most_nested = 0;

    private:
        int nested_ = 0;
    };
    auto flipping = std::make_shared<Flipping>();
    MemoryTransport transport(flipping);
    transport.deliver(std::string(50'000, '\n'));
    BOOST_TEST(flipping->raw == 49'999);
    BOOST_TEST(flipping->most_nested == 1);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(pause_inside_a_line_stops_delivery, Receiver, LineKinds) {
    class Pausing : public Receiver {
    public:
        using Receiver::Receiver;
        void line_received(Bytes line) override {
            Receiver::line_received(std::move(line));
            this->pause_producing();
        }
    };
    auto pausing = std::make_shared<Pausing>("\r\n", 100);
    MemoryTransport transport(pausing);
    transport.deliver("a\r\nb\r\nc\r\n");
    BOOST_TEST(pausing->said == "a|");
    transport.deliver("d\r\n");
    BOOST_TEST(pausing->said == "a|");
    pausing->resume_producing();
    BOOST_TEST(pausing->said == "a|b|");
    pausing->resume_producing();
    BOOST_TEST(pausing->said == "a|b|c|");
    transport.deliver_held();
    BOOST_TEST(pausing->said == "a|b|c|");
}

BOOST_AUTO_TEST_CASE(line_only_has_no_raw_mode) {
    static_assert(requires(LineReceiver& lines) { lines.set_raw_mode(); });
    const auto has_raw_mode = [](auto& receiver) { return requires { receiver.set_raw_mode(); }; };
    Lines<LineReceiver> lines;
    Lines<LineOnlyReceiver> only;
    BOOST_TEST(has_raw_mode(lines));
    BOOST_TEST(!has_raw_mode(only));
}

BOOST_AUTO_TEST_CASE(set_timeout_return) {
    ManualClock clock;
    class Quiet : public Lines<LineOnlyReceiver>, public TimeoutMixin {
    public:
        explicit Quiet(Clock& clock) : TimeoutMixin(clock, *this) {}
    };
    auto quiet = std::make_shared<Quiet>(clock);
    MemoryTransport transport(quiet);
    BOOST_TEST(!quiet->set_timeout(10s).has_value());
    BOOST_TEST((quiet->set_timeout(5s) == 10s));
    BOOST_TEST((quiet->set_timeout(std::nullopt) == 5s));
    BOOST_TEST(!quiet->set_timeout(std::nullopt).has_value());
    clock.advance(1h);
    BOOST_TEST(!transport.disconnecting());
    BOOST_TEST(clock.pending_calls() == 0U);
}
