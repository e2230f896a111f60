#define BOOST_TEST_MODULE string_receivers
#include "plait/tests/reactor/string_receivers.hpp"

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include "plait/reactor/errors.hpp"
#include "plait/tests/reactor/reports.hpp"

using namespace plait;           // NOLINT
using namespace plait::testing;  // NOLINT

using Formats = boost::mpl::list<IntN<1>, IntN<2>, IntN<4>, Netstring>;

BOOST_AUTO_TEST_CASE_TEMPLATE(strings_come_out_however_they_are_cut, Format, Formats) {
    const auto text = encoded<Format>({"first", "", "with , and : inside", std::string("\0\xff\n", 3), "last"}) +
                      Format::encoded("unfinished").substr(0, 8);
    for (const auto& pieces : ways_to_cut(text))
        BOOST_TEST(received<Format>(pieces) == std::string("first||with , and : inside|\0\xff\n|last|", 36));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_string_of_the_maximum_length_passes_and_one_byte_more_does_not, Format, Formats) {
    for (const auto& pieces : ways_to_cut(encoded<Format>({"12345", "1234"})))
        BOOST_TEST(received<Format>(pieces, 5) == "12345|1234|");
    for (const auto& pieces : ways_to_cut(encoded<Format>({"12345", "123456", "never"})))
        BOOST_TEST(received<Format>(pieces, 5) == "12345|" + Format::too_long(6));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_too_long_loses_the_connection_before_it_is_read, Format, Formats) {
    auto strings = std::make_shared<typename Format::Receiver>(5);
    MemoryTransport transport(strings);
    transport.deliver(Format::encoded("123456").substr(0, 4));
    BOOST_TEST(strings->said == Format::too_long(6));
    BOOST_TEST(transport.disconnecting());
    transport.deliver("more");
    BOOST_TEST(strings->said == Format::too_long(6));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_reason_of_the_loss_says_who_sent_what_is_too_long_and_what_is_allowed, Format,
                              Formats) {
    for (const bool resumed : {false, true}) {
        auto strings = std::make_shared<typename Format::Receiver>(5);
        MemoryTransport transport(strings, {"10.0.0.1", 1}, {"192.0.2.7", 4000});
        if (resumed) strings->pause_producing();
        const auto text = encoded<Format>({"12345", "123456"});
        resumed ? strings->data_received(Bytes::copy(text)) : transport.deliver(text);
        if (resumed) strings->resume_producing();
        BOOST_TEST(transport.aborted() == resumed);
        if (resumed) transport.lose(make_failure(ConnectionAborted("as a reactor says of abort_connection()")));
        BOOST_TEST(strings->said == "12345|" + Format::too_long(6));
        BOOST_REQUIRE(strings->reason.has_value());
        const auto* const refusal = strings->reason->template check<typename Format::Refusal>();
        BOOST_REQUIRE(refusal != nullptr);
        BOOST_TEST(refusal->what() == "the connection to 192.0.2.7:4000 was closed: " + Format::refusal());
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_maximum_may_change_between_strings, Format, Formats) {
    auto strings = std::make_shared<typename Format::Receiver>(100);
    MemoryTransport transport(strings);
    strings->on_string = [](auto& self, const Bytes&) {
        self.set_max_length(5);
        self.left();
    };
    transport.deliver(encoded<Format>({"1234567", "123456"}));
    BOOST_TEST(strings->said == "1234567|" + Format::too_long(6));
    BOOST_TEST(strings->max_length() == 5U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_string_within_one_piece_is_a_slice_of_it, Format, Formats) {
    auto strings = std::make_shared<typename Format::Receiver>(100);
    MemoryTransport transport(strings);
    const auto piece = Bytes::copy(encoded<Format>({"one", "two"}));
    transport.deliver(piece);
    BOOST_TEST(strings->last.view() == "two");
    BOOST_TEST((strings->last.data() >= piece.begin() && strings->last.data() < piece.end()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_string_whose_bytes_come_in_one_piece_is_a_slice_though_its_length_came_before, Format,
                              Formats) {
    auto strings = std::make_shared<typename Format::Receiver>(100);
    MemoryTransport transport(strings);
    const auto text = Format::encoded("together");
    transport.deliver(text.substr(0, text.find('t')));
    const auto rest = Bytes::copy(text.substr(text.find('t')));
    transport.deliver(rest);
    BOOST_TEST(strings->last.view() == "together");
    BOOST_TEST((strings->last.data() == rest.data()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_sent_is_what_is_received, Format, Formats) {
    auto strings = std::make_shared<typename Format::Receiver>(1000);
    MemoryTransport transport(strings);
    strings->send_string("a literal");
    strings->send_string(Bytes::copy("bytes"));
    strings->send_string(std::string(200, 'x'));
    strings->send_string("");
    BOOST_TEST(transport.written() == encoded<Format>({"a literal", "bytes", std::string(200, 'x'), ""}));
    BOOST_TEST(received<Format>({transport.written()}) == "a literal|bytes|" + std::string(200, 'x') + "||");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_pause_within_a_string_holds_back_the_next_one, Format, Formats) {
    auto strings = std::make_shared<typename Format::Receiver>(100);
    MemoryTransport transport(strings);
    strings->on_string = [](auto& self, const Bytes&) {
        self.pause_producing();
        self.left();
    };
    transport.deliver(encoded<Format>({"a", "b", "c"}));
    BOOST_TEST(strings->said == "a|");
    BOOST_TEST(transport.reading_paused());
    strings->resume_producing();
    BOOST_TEST(strings->said == "a|b|");
    strings->on_string = nullptr;
    strings->resume_producing();
    BOOST_TEST(strings->said == "a|b|c|");
    BOOST_TEST(!transport.reading_paused());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_callback_is_never_made_from_inside_another, Format, Formats) {
    auto strings = std::make_shared<typename Format::Receiver>(100);
    MemoryTransport transport(strings);
    strings->on_string = [](auto& self, const Bytes& text) {
        self.pause_producing();
        self.resume_producing();
        if (text.view() == "a") self.data_received(Bytes::copy(Format::encoded("fed inside")));
        self.left();
    };
    transport.deliver(encoded<Format>({"a", "b"}));
    BOOST_TEST(strings->said == "a|b|fed inside|");
    BOOST_TEST(strings->inside == 0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(no_string_comes_once_the_connection_is_closing_or_aborted, Format, Formats) {
    for (const bool abort : {false, true}) {
        auto strings = std::make_shared<typename Format::Receiver>(100);
        MemoryTransport transport(strings);
        strings->on_string = [abort](auto& self, const Bytes&) {
            abort ? self.transport().abort_connection() : self.transport().lose_connection();
            self.left();
        };
        transport.deliver(encoded<Format>({"a", "b"}));
        transport.deliver(encoded<Format>({"c"}));
        BOOST_TEST(strings->said == "a|");
        transport.lose_cleanly();
        strings->resume_producing();
        BOOST_TEST(strings->said == "a|");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_a_callback_throws_is_the_reason_the_connection_ends, Format, Formats) {
    auto strings = std::make_shared<typename Format::Receiver>(100);
    MemoryTransport transport(strings);
    strings->on_string = [](auto&, const Bytes&) { throw std::runtime_error("cannot"); };
    transport.deliver(encoded<Format>({"a", "b"}));
    BOOST_TEST(strings->said == "a|");
    BOOST_REQUIRE(strings->reason.has_value());
    BOOST_TEST((strings->reason->template check<std::runtime_error>() != nullptr));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_a_callback_throws_on_resuming_aborts_and_is_the_reason, Format, Formats) {
    auto strings = std::make_shared<typename Format::Receiver>(100);
    MemoryTransport transport(strings);
    strings->pause_producing();
    transport.deliver(encoded<Format>({"a"}));
    strings->on_string = [](auto&, const Bytes&) { throw std::runtime_error("cannot"); };
    strings->data_received(Bytes::copy(encoded<Format>({"b"})));
    strings->resume_producing();
    BOOST_TEST(transport.aborted());
    transport.lose(make_failure(ConnectionAborted("as a reactor says of abort_connection()")));
    BOOST_REQUIRE(strings->reason.has_value());
    BOOST_TEST(strings->reason->message() == "std::runtime_error: cannot");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_a_callback_throws_on_resuming_after_the_connection_was_lost_is_reported, Format,
                              Formats) {
    const Reports reports;
    auto strings = std::make_shared<typename Format::Receiver>(100);
    MemoryTransport transport(strings);
    strings->pause_producing();
    strings->data_received(Bytes::copy(encoded<Format>({"a"})));
    strings->on_string = [&transport](auto&, const Bytes&) {
        transport.lose_cleanly();
        throw std::runtime_error("cannot");
    };
    strings->resume_producing();
    BOOST_TEST(reports.count() == 1U);
    BOOST_TEST((strings->reason->template check<ConnectionDone>() != nullptr));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_receiver_may_go_away_within_its_callback, Format, Formats) {
    auto strings = std::make_shared<typename Format::Receiver>(100);
    auto transport = std::make_unique<MemoryTransport>(strings);
    const std::weak_ptr<typename Format::Receiver> watched = strings;
    strings->on_string = [&transport](auto&, const Bytes&) { transport.reset(); };
    auto* const bare = strings.get();
    bare->pause_producing();
    bare->data_received(Bytes::copy(encoded<Format>({"a", "b"})));  // as from above: nobody else holds it now
    strings.reset();
    bare->resume_producing();
    BOOST_TEST(watched.expired());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_callback_may_destroy_the_transport_while_it_reads, Format, Formats) {
    auto strings = std::make_shared<typename Format::Receiver>(100);
    auto transport = std::make_unique<MemoryTransport>(strings);
    strings->on_string = [&transport](auto& self, const Bytes&) {
        transport.reset();
        self.left();
    };
    transport->deliver(encoded<Format>({"a", "b"}));
    BOOST_TEST(strings->said == "a|");
    BOOST_TEST(strings->reason.has_value());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_hundred_thousand_strings_in_one_piece_need_no_stack, Format, Formats) {
    auto strings = std::make_shared<typename Format::Receiver>(100);
    MemoryTransport transport(strings);
    int count = 0;
    strings->on_string = [&count](auto& self, const Bytes&) {
        ++count;
        self.said.clear();
        self.left();
    };
    std::string text;
    for (int i = 0; i < 100'000; ++i)
        text += Format::encoded("x");
    transport.deliver(text);
    BOOST_TEST(count == 100'000);
}

BOOST_AUTO_TEST_CASE(a_string_too_long_for_its_prefix_is_not_sent) {
    const auto refused = [](auto strings, std::size_t most) {
        MemoryTransport transport(strings);
        strings->send_string(Bytes::own(std::string(most, 'x')));
        const auto written = transport.take_written().size();
        BOOST_CHECK_THROW(strings->send_string(std::string(most + 1, 'x')), StringTooLong);
        BOOST_CHECK_THROW(strings->send_string(Bytes::own(std::string(most + 1, 'x'))), StringTooLong);
        BOOST_TEST(transport.written().empty());
        return written;
    };
    BOOST_TEST(refused(std::make_shared<IntN<1>::Receiver>(), 255) == 256U);
    BOOST_TEST(refused(std::make_shared<IntN<2>::Receiver>(), 65'535) == 65'537U);
    try {
        IntN<1>::Receiver unconnected;
        unconnected.send_string(std::string(300, 'x'));
        BOOST_ERROR("sent");
    } catch (const StringTooLong& error) {
        BOOST_TEST(error.what() == "a string of 300 bytes cannot be sent: 1 bytes of length say 255 at most");
    }
}

BOOST_AUTO_TEST_CASE(the_rest_of_a_stream_after_a_string_too_long_is_not_read_even_if_it_is_let_live) {
    class Lenient : public Strings<Int16StringReceiver> {
    public:
        Lenient() : Strings(5) {}
        void length_limit_exceeded(std::uint32_t) override { said += "too long"; }
    };
    auto strings = std::make_shared<Lenient>();
    MemoryTransport transport(strings);
    transport.deliver(encoded<IntN<2>>({"a", "123456", "b"}));
    transport.deliver(encoded<IntN<2>>({"c"}));
    BOOST_TEST(strings->said == "a|too long");
    BOOST_TEST(!transport.disconnecting());
}

BOOST_AUTO_TEST_CASE(a_length_of_four_bytes_says_four_billion_without_taking_memory) {
    auto strings = std::make_shared<IntN<4>::Receiver>(Bytes::npos);
    MemoryTransport transport(strings);
    transport.deliver("\xff\xff\xff\xff only this much");
    BOOST_TEST(strings->said == "");
    BOOST_TEST(!transport.disconnecting());
}

BOOST_AUTO_TEST_CASE(what_is_no_netstring_is_refused_with_what_is_wrong) {
    const auto said = [](const std::string& text) {
        std::string whole;
        for (const auto& pieces : ways_to_cut(text)) {
            auto strings = std::make_shared<Netstring::Receiver>();
            MemoryTransport transport(strings);
            for (const auto& piece : pieces)
                transport.deliver(piece);
            BOOST_TEST((whole.empty() || strings->said == whole));
            BOOST_TEST(strings->broken_peer());
            BOOST_TEST(transport.disconnecting());
            whole = strings->said;
        }
        return whole;
    };
    BOOST_TEST(said("1:a,x:") == "a|broken: a netstring's length has 'x' in it");
    BOOST_TEST(said(":a,") == "broken: a netstring's length has ':' in it");
    BOOST_TEST(said("-1:a,") == "broken: a netstring's length has '-' in it");
    BOOST_TEST(said("3\n:abc,") == "broken: a netstring's length has byte 10 in it");
    BOOST_TEST(said("05:hello,") == "broken: a netstring's length begins with a zero");
    BOOST_TEST(said("00:,") == "broken: a netstring's length begins with a zero");
    auto strings = std::make_shared<Netstring::Receiver>();
    MemoryTransport transport(strings, {"10.0.0.1", 1}, {"192.0.2.7", 4000});
    transport.deliver("hello");
    BOOST_TEST(strings->reason.value().message() ==
               "plait::BadNetstring: the connection to 192.0.2.7:4000 was closed: a netstring's length has 'h' in it");
    BOOST_TEST(said("3:abcd") == "broken: a netstring of 3 bytes ends in 'd' instead of a comma");
    BOOST_TEST(said("100000:") == "broken: " + Netstring::too_long_text(99'999));
    BOOST_TEST(said("99999999999999999999999999:") == "broken: " + Netstring::too_long_text(99'999));
}

BOOST_AUTO_TEST_CASE(a_netstring_limit_may_be_as_large_as_numbers_go) {
    BOOST_TEST(received<Netstring>({"3:abc,"}, Bytes::npos) == "abc|");
    BOOST_TEST(received<Netstring>({"18446744073709551616:"}, Bytes::npos).starts_with("broken: "));
}
