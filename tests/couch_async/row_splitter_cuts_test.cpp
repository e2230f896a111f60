#define BOOST_TEST_MODULE row_splitter_cuts
#include <boost/test/unit_test.hpp>
#include <random>

#include "split_events.hpp"

namespace plait::couch_async {
namespace {

std::string ten_rows() {
    return "\n{\"debug_info\":{\"rows\":[],\"s\":\"]}\\\"\"},\"total_rows\":12,\"r\\u006fws\":[\r\n"
           "{\"id\":\"plain\",\"key\":\"k\",\"value\":{\"a\":[1,{\"b\":\"c\"}]}},\r\n"
           "{\"id\":\"esc\\\\\\\"\\u00e4\\ud83d\\ude00\",\"key\":null,\"value\":\"\\\\\"},\r\n"
           "{\"key\":[\"2020\",1,-2.5e10],\"value\":1},\r\n"
           "{\"id\":\"\xC3\xA4\xF0\x9F\x98\x80\",\"key\":\"{[,\",\"value\":\"]}\",\"doc\":{\"_id\":\"x\",\"deep\":[[[[{"
           "}]]]]}},\r\n"
           "{ \"value\" : [ ] , \"key\" : true , \"id\" : \"spaced\" },\n"
           "{\"key\":\"gone\",\"error\":\"not_found\"},"
           "123,\"scalar,]}\" , [\"array\",{\"id\":1}],\t"
           "{}\r\n]\r\n,\"errors\":[{\"from\":\"n1\",\"reason\":\"why\"}]}\r\n";
}

std::string many_rows(std::size_t count) {
    std::string body = "{\"total_rows\":" + std::to_string(count) + ",\"offset\":0,\"rows\":[\r\n";
    for (std::size_t i = 0; i < count; ++i) {
        const std::string number = std::to_string(i);
        body += "{\"id\":\"doc-" + number + "\",\"key\":[" + number + ",\"x\\\"" + std::string(i % 97, 'y') +
                "\"],\"value\":{\"n\":" + number + ",\"s\":\"" + std::string(i % 31, '\\') + std::string(i % 31, '\\') +
                "\"}}";
        body += i + 1 == count ? "\r\n" : ",\r\n";
    }
    return body + "]}\n";
}

BOOST_AUTO_TEST_CASE(every_cut_in_two_gives_the_same_events) {
    const std::string body = ten_rows();
    const std::string expected = events({body});
    BOOST_TEST(expected.find("meta ") != std::string::npos);
    for (std::size_t at = 0; at <= body.size(); ++at)
        BOOST_TEST(events({body.substr(0, at), body.substr(at)}) == expected, "cut at " << at);
}

BOOST_AUTO_TEST_CASE(every_cut_in_three_around_a_small_piece_gives_the_same_events) {
    const std::string body = ten_rows();
    const std::string expected = events({body});
    for (std::size_t size = 1; size <= 4; ++size)
        for (std::size_t at = 0; at + size <= body.size(); ++at)
            BOOST_TEST(events({body.substr(0, at), body.substr(at, size), body.substr(at + size)}) == expected,
                       "cut at " << at << " for " << size);
}

BOOST_AUTO_TEST_CASE(pieces_of_any_size_give_the_same_events) {
    const std::string body = ten_rows();
    const std::string expected = events({body});
    for (std::size_t size = 1; size <= 200; ++size)
        BOOST_TEST(events(cut_every(body, size)) == expected, "pieces of " << size);
}

BOOST_AUTO_TEST_CASE(every_beginning_is_truncated_wherever_it_was_cut) {
    const std::string body = ten_rows();
    const std::size_t end = body.rfind('}');
    for (std::size_t size = 2; size <= end; ++size) {
        const std::string part = body.substr(0, size);
        const std::string expected = events({part});
        BOOST_TEST(expected.ends_with("truncated at " + std::to_string(size) + "\n"),
                   "the first " << size << ": " << expected);
        BOOST_TEST(events(cut_every(part, 1)) == expected);
        BOOST_TEST(events(cut_every(part, 7)) == expected);
    }
}

BOOST_AUTO_TEST_CASE(rows_that_are_longer_than_the_scanned_pieces_come_whole) {
    std::mt19937 random(5);
    for (const std::size_t size : {1000u, 8190u, 8192u, 20000u, 200000u}) {
        const std::string filler(size, 'x');
        std::string nested;
        for (std::size_t i = 0; i < size / 10; ++i)
            nested += "{\"a\":\"\\\"\"},";
        const std::string body = "{\"rows\":[{\"id\":\"" + filler + "\",\"key\":\"" + filler + "\\n\",\"value\":[" +
                                 nested + "1]},{\"" + filler + "\":" + std::string(size, '7') + ",\"key\":2}," +
                                 std::string(size, ' ') + "3]}";
        const std::string expected = events({body});
        BOOST_TEST(expected.ends_with("meta {\"rows\":[]} total_rows=- offset=-\n"));
        BOOST_TEST((events(cut_every(body, 997)) == expected));
        BOOST_TEST((events(cut_every(body, 8192)) == expected));
        BOOST_TEST((events(cut_at_random(body, random(), 5000)) == expected));
    }
}

/// A usual row that opens with the last byte of a scanned piece and leaves it with numbers only: where its string
/// begins, that piece knows of no quotes.
BOOST_AUTO_TEST_CASE(a_row_whose_numbers_lead_out_of_the_scanned_piece_comes_whole) {
    for (std::size_t first = 8150; first < 8200; ++first) {
        std::string body = "{\"rows\":[{\"id\":\"" + std::string(first - 9, 'x') + "\"},\r\n{";
        for (int i = 0; i < 2000; ++i)
            body += "\"key\":1,";
        body += "\"value\":\"abc\"},\r\n{\"id\":\"last\"}]}";
        const std::string expected = events({body});
        BOOST_TEST(expected.find(" value=\"abc\"") != std::string::npos);
        BOOST_TEST(expected.find(" id=last ") != std::string::npos);
        BOOST_TEST((events(cut_every(body, 4096)) == expected));
    }
}

BOOST_AUTO_TEST_CASE(a_long_body_in_random_cuts_gives_the_same_events) {
    std::mt19937 random(7);
    const std::string body = many_rows(3000);
    const std::string expected = events({body});
    BOOST_TEST(expected.find("total_rows=3000 offset=0") != std::string::npos);
    for (const std::size_t longest : {3u, 50u, 1000u, 20000u, 100000u})
        for (const BatchBound bound : {BatchBound{}, BatchBound{.rows = 1}, BatchBound{.rows = 7, .bytes = 300}})
            BOOST_TEST((events(cut_at_random(body, random(), longest), {}, bound) == expected));
}

/// Bytes that matter to a JSON reader, and a few that do not.
std::string garbage(std::mt19937& random, std::size_t size) {
    static const std::string alphabet = "{}[],:\"\\ \n\r\t\x01u0012ae-+.tfn\xC3\xA4\xFF";
    std::string text;
    for (std::size_t i = 0; i < size; ++i)
        text += alphabet[std::uniform_int_distribution<std::size_t>(0, alphabet.size() - 1)(random)];
    return text;
}

void damage(std::string& body, std::mt19937& random) {
    const auto below = [&random](std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
    };
    for (std::size_t times = 1 + below(3); times != 0 && !body.empty(); --times) {
        const std::size_t at = below(body.size());
        switch (below(4)) {
            case 0:
                body.insert(at, garbage(random, 1 + below(4)));
                break;
            case 1:
                body.erase(at, 1 + below(4));
                break;
            case 2:
                body[at] = garbage(random, 1)[0];
                break;
            default:
                body.resize(at);
        }
    }
}

BOOST_AUTO_TEST_CASE(damaged_bodies_give_the_same_events_in_any_cuts_and_limits) {
    std::mt19937 random(11);
    const SplitLimits tight{.row_bytes = 40, .meta_bytes = 120, .depth = 4};
    for (int round = 0; round < 4000; ++round) {
        std::string body = ten_rows();
        damage(body, random);
        for (const SplitLimits& limits : {SplitLimits{}, tight}) {
            const std::string expected = events({body}, limits);
            const std::string in_bytes = events(cut_every(body, 1), limits);
            BOOST_REQUIRE_MESSAGE(in_bytes == expected, body << "\nwhole:\n"
                                                             << expected << "\nin bytes:\n"
                                                             << in_bytes);
            const std::string in_cuts = events(cut_at_random(body, random(), 60), limits);
            BOOST_REQUIRE_MESSAGE(in_cuts == expected, body << "\nwhole:\n" << expected << "\nin cuts:\n" << in_cuts);
        }
    }
}

/// Whole, rows without spaces go the fast way; byte by byte they never do.
BOOST_AUTO_TEST_CASE(damaged_rows_are_read_the_same_the_fast_way_and_the_slow) {
    std::mt19937 random(13);
    const auto below = [&random](std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
    };
    static const std::string marks = "{}[]\",:1\\";
    const std::string rows =
        "{\"id\":\"a\",\"key\":[1,2],\"value\":{\"n\":1}},\r\n{\"id\":\"b\",\"key\":{},\"value\":[[1],{}]},\r\n"
        "{\"id\":1,\"key\":null,\"value\":{\"a\":{\"b\":[]}},\"doc\":{}},\r\n{\"key\":[],\"value\":-1.5}";
    for (int round = 0; round < 6000; ++round) {
        std::string damaged = rows;
        for (std::size_t times = 1 + below(3); times != 0; --times) {
            const std::size_t at = below(damaged.size());
            const char mark = marks[below(marks.size())];
            if (below(2) == 0) {
                damaged[at] = mark;
            } else {
                damaged.insert(at, 1, mark);
            }
        }
        const std::string body = "{\"rows\":[" + damaged + "]}" + std::string(16, ' ');
        BOOST_TEST((events({body}) == events(cut_every(body, 1))), damaged);
    }
}

BOOST_AUTO_TEST_CASE(garbage_ends_in_a_fault) {
    std::mt19937 random(13);
    for (int round = 0; round < 4000; ++round) {
        const std::string body = "{\"rows\":[" + garbage(random, 1 + static_cast<std::size_t>(round) % 150);
        const std::string expected = events({body});
        BOOST_REQUIRE(expected.find(" at ") != std::string::npos || expected.find("meta ") != std::string::npos);
        BOOST_REQUIRE_EQUAL(events(cut_every(body, 1)), expected);
        BOOST_REQUIRE_EQUAL(events(cut_at_random(body, random(), 20)), expected);
    }
}

}  // namespace
}  // namespace plait::couch_async
