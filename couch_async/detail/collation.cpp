#include "plait/couch_async/detail/collation.hpp"

#include <bit>
#include <boost/json.hpp>
#include <cstdint>
#include <stdexcept>

#include <fmt/format.h>

namespace plait::couch_async::detail {
namespace {

namespace json = boost::json;

// Each value is one tag byte and what orders values of that type. `end` is less than every tag, so that a shorter
// array comes first; a string's zero bytes are escaped so that its end is unmistakable.
namespace tag {
constexpr char end = 1;
constexpr char null = 2;
constexpr char no = 3;
constexpr char yes = 4;
constexpr char number = 5;
constexpr char string = 6;
constexpr char array = 7;
constexpr char object = 8;
}  // namespace tag

void put_number(std::string& out, double value) {
    if (value == 0) value = 0;  // -0 and 0 are one key
    auto bits = std::bit_cast<std::uint64_t>(value);
    // Negative numbers order backwards by their bits, and below the others.
    constexpr std::uint64_t sign = std::uint64_t{1} << 63;
    bits = (bits & sign) != 0 ? ~bits : bits | sign;
    for (int shift = 56; shift >= 0; shift -= 8)
        out += static_cast<char>(bits >> shift & 0xff);
}

void put_string(std::string& out, std::string_view text) {
    for (const char c : text) {
        out += c;
        if (c == '\0') out += '\x02';
    }
    out += '\0';
    out += tag::end;
}

void put(std::string& out, const json::value& value) {
    switch (value.kind()) {
        case json::kind::null:
            out += tag::null;
            return;
        case json::kind::bool_:
            out += value.get_bool() ? tag::yes : tag::no;
            return;
        case json::kind::int64:
        case json::kind::uint64:
        case json::kind::double_:
            out += tag::number;
            put_number(out, value.to_number<double>());
            return;
        case json::kind::string:
            out += tag::string;
            put_string(out, value.get_string());
            return;
        case json::kind::array:
            out += tag::array;
            for (const auto& element : value.get_array())
                put(out, element);
            out += tag::end;
            return;
        case json::kind::object:
            out += tag::object;
            for (const auto& member : value.get_object()) {
                out += tag::string;
                put_string(out, member.key());
                put(out, member.value());
            }
            out += tag::end;
            return;
    }
}

}  // namespace

std::string collation_key(std::string_view json_text) {
    json::error_code error;
    const json::value value = json::parse(json::string_view(json_text.data(), json_text.size()), error);
    if (error) throw std::invalid_argument(fmt::format("not a JSON key: {:.80} ({})", json_text, error.message()));
    std::string out;
    out.reserve(json_text.size() + 4);
    put(out, value);
    return out;
}

}  // namespace plait::couch_async::detail
