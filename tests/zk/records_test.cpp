#define BOOST_TEST_MODULE zk_records

#include <boost/test/unit_test.hpp>
#include <string>

#include "plait/zk/proto/records.hpp"

using plait::Bytes;
using namespace plait::zk;
using namespace plait::zk::proto;

namespace {

std::string hex(std::string_view bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const char byte : bytes) {
        text += digits[static_cast<unsigned char>(byte) >> 4];
        text += digits[static_cast<unsigned char>(byte) & 15];
    }
    return text;
}

std::string stat_bytes() {
    std::string text(68, '\0');
    Writer out(text.data());
    for (std::int64_t i = 1; i <= 4; ++i)
        out.int64(i);
    for (std::int32_t i = 5; i <= 7; ++i)
        out.int32(i);
    out.int64(8);
    out.int32(9);
    out.int32(10);
    out.int64(11);
    return text;
}

std::string field(std::string_view text) {
    std::string bytes(4 + text.size(), '\0');
    Writer(bytes.data()).string(text);
    return bytes;
}

}  // namespace

BOOST_AUTO_TEST_CASE(requests_are_written_as_the_wire_has_them) {
    BOOST_TEST(hex(request_frame(7, PathRequest{Op::get_data, "/a", true})) ==
               "0000000f"
               "00000007"
               "00000004"
               "00000002"
               "2f61"
               "01");
    BOOST_TEST(hex(request_frame(8, RemoveRequest{"/a", 3})) ==
               "00000012"
               "00000008"
               "00000002"
               "00000002"
               "2f61"
               "00000003");
    BOOST_TEST(hex(request_frame(-2, Bare{Op::ping})) ==
               "00000008"
               "fffffffe"
               "0000000b");
    BOOST_TEST(hex(request_frame(9, PathRequest{Op::sync, "/"})) ==
               "0000000d"
               "00000009"
               "00000009"
               "00000001"
               "2f");
}

BOOST_AUTO_TEST_CASE(null_data_is_not_written_as_empty_data) {
    BOOST_TEST(hex(request_frame(1, SetRequest{"/a", "", -1})) ==
               "00000016"
               "00000001"
               "00000005"
               "00000002"
               "2f61"
               "00000000"
               "ffffffff");
    BOOST_TEST(hex(request_frame(1, SetRequest{"/a", null_data, -1})) ==
               "00000016"
               "00000001"
               "00000005"
               "00000002"
               "2f61"
               "ffffffff"
               "ffffffff");
}

BOOST_AUTO_TEST_CASE(create_picks_its_operation_by_mode_and_only_times_to_live_carry_one) {
    BOOST_TEST((create_op(CreateMode::ephemeral_sequential) == Op::create));
    BOOST_TEST((create_op(CreateMode::container) == Op::create_container));
    BOOST_TEST((create_op(CreateMode::persistent_with_ttl) == Op::create_ttl));

    const CreateRequest plain{Op::create, "/a", "d", &open_acl_unsafe(), CreateMode::ephemeral};
    const CreateRequest ttl{Op::create_ttl, "/a", "d", &open_acl_unsafe(), CreateMode::persistent_with_ttl, 500};
    const std::string body =
        "000000022f61"
        "0000000164"
        "00000001"
        "0000001f"
        "00000005776f726c64"
        "00000006616e796f6e65";
    BOOST_TEST(hex(request_frame(1, plain)).substr(24) == body + "00000001");
    BOOST_TEST(hex(request_frame(1, ttl)).substr(24) == body +
                                                            "00000005"
                                                            "00000000000001f4");
}

BOOST_AUTO_TEST_CASE(the_connect_request_has_a_read_only_flag) {
    const std::string password(password_size, 'p');
    const auto frame = connect_frame({1, 4000, 2, password, false});
    BOOST_TEST(hex(frame) ==
               "0000002d"
               "00000000"
               "0000000000000001"
               "00000fa0"
               "0000000000000002"
               "00000010"
               "70707070707070707070707070707070"
               "00");
}

BOOST_AUTO_TEST_CASE(set_watches_carries_three_lists) {
    const std::string_view data[] = {"/a"}, child[] = {"/b", "/c"};
    BOOST_TEST(hex(request_frame(-8, SetWatchesRequest{5, data, {}, child})).substr(24) ==
               "0000000000000005"
               "00000001"
               "000000022f61"
               "00000000"
               "00000002"
               "000000022f62"
               "000000022f63");
}

BOOST_AUTO_TEST_CASE(a_handshake_reply_comes_with_or_without_the_read_only_flag_or_as_a_bare_header) {
    const auto old_server =
        Bytes::copy(std::string("\0\0\0\0\0\0\x0f\xa0\0\0\0\0\0\0\0\x07\0\0\0\x10", 20) + "0123456789abcdef");
    const auto short_form = read_handshake(Reader(old_server));
    BOOST_REQUIRE(short_form.response.has_value());
    BOOST_TEST(short_form.response->timeout_ms == 4000);
    BOOST_TEST(short_form.response->session_id == 7);
    BOOST_TEST(std::string(short_form.response->password.data(), password_size) == "0123456789abcdef");
    BOOST_TEST(!short_form.response->read_only);

    const auto read_only = Bytes::copy(old_server.str() + '\1');
    BOOST_TEST(read_handshake(Reader(read_only)).response->read_only);

    const auto bare = Bytes::copy(std::string("\0\0\0\0\0\0\0\0\0\0\0\x09\xff\xff\xff\x89", 16));
    BOOST_TEST(!read_handshake(Reader(bare)).response.has_value());
    BOOST_TEST(read_handshake(Reader(bare)).error == -119);
}

BOOST_AUTO_TEST_CASE(a_node_is_read_without_copying_its_data) {
    const auto bytes = Bytes::copy(field("payload") + stat_bytes());
    Reader in(bytes);
    const auto node = read_node(in);
    BOOST_TEST(node.data.view() == "payload");
    BOOST_TEST((node.data.data() == bytes.data() + 4));
    BOOST_TEST(!node.null);
    BOOST_TEST((node.stat == Stat{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
    BOOST_TEST(in.remaining() == 0u);
}

BOOST_AUTO_TEST_CASE(null_data_is_read_as_null_and_empty_data_as_empty) {
    const auto null = Bytes::copy("\xff\xff\xff\xff" + stat_bytes());
    const auto empty = Bytes::copy(field("") + stat_bytes());
    Reader null_in(null), empty_in(empty);
    BOOST_TEST(read_node(null_in).null);
    BOOST_TEST(!read_node(empty_in).null);
}

BOOST_AUTO_TEST_CASE(a_null_list_reads_as_none) {
    const auto bytes = Bytes::copy("\xff\xff\xff\xff");
    Reader in(bytes);
    BOOST_TEST(read_strings(in).empty());
}

BOOST_AUTO_TEST_CASE(every_truncation_of_a_record_is_refused) {
    const auto node = field("payload") + stat_bytes();
    const auto list = std::string("\0\0\0\2", 4) + field("one") + field("two");
    for (std::size_t size = 0; size < node.size(); ++size) {
        const auto bytes = Bytes::copy(node.substr(0, size));
        Reader in(bytes);
        BOOST_CHECK_THROW(read_node(in), DecodeError);
    }
    for (std::size_t size = 0; size < list.size(); ++size) {
        const auto bytes = Bytes::copy(list.substr(0, size));
        Reader in(bytes);
        BOOST_CHECK_THROW(read_strings(in), DecodeError);
    }
}

BOOST_AUTO_TEST_CASE(lengths_that_lie_are_refused_before_anything_is_reserved) {
    for (const std::string& length :
         {std::string("\x7f\xff\xff\xff"), std::string("\xff\xff\xff\xfe"), std::string("\x80\0\0\0", 4)}) {
        const auto bytes = Bytes::copy(length + "abc");
        Reader as_string(bytes), as_list(bytes), as_buffer(bytes);
        bool null = false;
        BOOST_CHECK_THROW(as_string.string(), DecodeError);
        BOOST_CHECK_THROW(read_strings(as_list), DecodeError);
        BOOST_CHECK_THROW(as_buffer.buffer(null), DecodeError);
    }
}

BOOST_AUTO_TEST_CASE(a_watch_event_of_a_type_nobody_knows_is_still_read) {
    const auto bytes = Bytes::copy(std::string("\0\0\0\x63\0\0\0\x03", 8) + field("/a"));
    Reader in(bytes);
    const auto event = read_watch_event(in);
    BOOST_TEST(static_cast<int>(event.type) == 99);
    BOOST_TEST(to_string(event.type) == "unknown");
    BOOST_TEST(event.path == "/a");
}
