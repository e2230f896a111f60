#define BOOST_TEST_MODULE structural_scan
#include "plait/couch_async/detail/structural_scan.hpp"

#include <boost/test/unit_test.hpp>
#include <random>
#include <string>
#include <vector>

namespace plait::couch_async::detail {
namespace {

struct Found {
    std::vector<std::uint32_t> marks;
    std::vector<std::uint32_t> quotes;
    std::uint32_t bad = ScanOutput::no_position;
    std::uint64_t in_string = 0;
    std::uint64_t escaped = 0;

    bool operator==(const Found&) const = default;
};

/// The definition: one byte after another.
Found by_bytes(const std::string& text) {
    Found found;
    bool in_string = false;
    bool escaped = false;
    for (std::uint32_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool quote = c == '"' && !escaped;
        const bool string_byte = in_string ? !quote : quote;
        if ((static_cast<unsigned char>(c) < 0x20 && in_string) || (c == '\\' && !string_byte)) {
            found.bad = i;
            return found;
        }
        escaped = c == '\\' && !escaped;
        if (quote) {
            in_string = !in_string;
            found.quotes.push_back(i);
        } else if (!in_string && std::string("{}[]").find(c) != std::string::npos) {
            found.marks.push_back(i);
        }
    }
    found.in_string = in_string ? ~std::uint64_t{0} : 0;
    found.escaped = escaped ? 1 : 0;
    return found;
}

Found by_scan(ScanFunction scan, const std::string& text, std::size_t piece) {
    Found found;
    ScanCarry carry;
    for (std::size_t at = 0; at < text.size() && found.bad == ScanOutput::no_position; at += piece) {
        // Just as long as the part, so that the address sanitizer sees a read beyond it.
        const std::vector<char> part(text.begin() + static_cast<std::ptrdiff_t>(at),
                                     text.begin() + static_cast<std::ptrdiff_t>(std::min(at + piece, text.size())));
        std::vector<std::uint32_t> marks(part.size() + 16);
        std::vector<std::uint64_t> quotes((part.size() + 63) / 64);
        ScanOutput out{marks.data(), marks.data(), quotes.data()};
        const auto base = static_cast<std::uint32_t>(at);
        scan(part.data(), part.size(), base, carry, out);
        found.marks.insert(found.marks.end(), marks.data(), out.end);
        for (std::uint32_t i = 0; i < part.size(); ++i)
            if ((quotes[i / 64] >> (i % 64) & 1) != 0) found.quotes.push_back(base + i);
        found.bad = out.bad;
    }
    if (found.bad == ScanOutput::no_position) {
        found.in_string = carry.in_string;
        found.escaped = carry.escaped;
    }
    return found;
}

struct Implementation {
    const char* name;
    ScanFunction scan;
};

std::vector<Implementation> implementations() {
    std::vector<Implementation> all = {{"portable", scan_portable}, {"best", best_scan()}};
    if (scan_sse2() != nullptr) all.push_back({"sse2", scan_sse2()});
    if (scan_avx2() != nullptr) all.push_back({"avx2", scan_avx2()});
    if (scan_avx512() != nullptr) all.push_back({"avx512", scan_avx512()});
    return all;
}

void check_all(const std::string& text) {
    const Found expected = by_bytes(text);
    for (const auto& [name, scan] : implementations())
        for (const std::size_t piece :
             {std::size_t{1}, std::size_t{63}, std::size_t{64}, std::size_t{65}, std::size_t{256}, text.size()})
            BOOST_REQUIRE_MESSAGE(by_scan(scan, text, std::max<std::size_t>(piece, 1)) == expected,
                                  name << " in pieces of " << piece << ": " << text);
}

BOOST_AUTO_TEST_CASE(brackets_outside_strings_are_marks) {
    const Found found = by_scan(scan_portable, "{\"a,\":[1,\"\\\"}\"]}", 64);
    BOOST_TEST(found.marks == (std::vector<std::uint32_t>{0, 6, 14, 15}), boost::test_tools::per_element());
    BOOST_TEST(found.quotes == (std::vector<std::uint32_t>{1, 4, 9, 13}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(every_byte_value_means_the_same_to_all) {
    for (int value = 0; value < 256; ++value) {
        for (const std::string around : {"", "\"", "\"\\"}) {
            std::string text = around + static_cast<char>(value) + std::string(70, 'x') + static_cast<char>(value);
            check_all(text);
        }
    }
}

BOOST_AUTO_TEST_CASE(runs_of_backslashes_across_blocks_are_counted) {
    for (std::size_t before = 50; before < 70; ++before)
        for (std::size_t run = 0; run < 80; ++run)
            check_all("\"" + std::string(before, 'x') + std::string(run, '\\') + "\",{\"[\"");
}

BOOST_AUTO_TEST_CASE(random_texts_are_scanned_alike) {
    std::mt19937 random(3);
    const std::string alphabet = "\"\\{}[],:ab \xC3\xA4";
    for (int round = 0; round < 3000; ++round) {
        std::string text;
        const std::size_t size = 1 + static_cast<std::size_t>(round) % 400;
        const bool calm = round % 2 == 0;
        while (text.size() < size) {
            const std::size_t pick =
                std::uniform_int_distribution<std::size_t>(0, alphabet.size() + (calm ? 40 : 0))(random);
            text += pick < alphabet.size() ? alphabet[pick] : 'x';
        }
        if (round % 7 == 0) text[size / 2] = '\x02';
        check_all(text);
    }
}

}  // namespace
}  // namespace plait::couch_async::detail
