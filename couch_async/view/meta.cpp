#include "plait/couch_async/view/meta.hpp"

#include <boost/json/parser.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>

#include "plait/couch_async/detail/meta_json.hpp"

namespace plait::couch_async {
namespace json = boost::json;
namespace {

json::parse_options options(std::size_t depth) {
    json::parse_options chosen;
    chosen.max_depth = depth;
    chosen.allow_invalid_utf8 = true;
    return chosen;
}

std::optional<std::uint64_t> count(const json::object& envelope, std::string_view name) {
    const json::value* found = envelope.if_contains(name);
    if (found == nullptr) return std::nullopt;
    if (found->is_uint64()) return found->get_uint64();
    if (found->is_int64() && found->get_int64() >= 0) return static_cast<std::uint64_t>(found->get_int64());
    return std::nullopt;
}

/// The text of a string, the JSON text of anything else, nothing where it is absent.
std::string text_of(const json::object& object, std::string_view name) {
    const json::value* found = object.if_contains(name);
    if (found == nullptr) return {};
    if (found->is_string()) return std::string(found->get_string());
    return json::serialize(*found);
}

std::vector<ViewNodeError> node_errors(const json::object& envelope) {
    std::vector<ViewNodeError> errors;
    const json::value* found = envelope.if_contains("errors");
    if (found == nullptr || found->is_null()) return errors;
    if (!found->is_array()) {
        errors.push_back({{}, text_of(envelope, "errors")});
        return errors;
    }
    for (const json::value& entry : found->get_array()) {
        if (entry.is_object()) {
            errors.push_back({text_of(entry.get_object(), "from"), text_of(entry.get_object(), "reason")});
        } else {
            errors.push_back({{}, entry.is_string() ? std::string(entry.get_string()) : json::serialize(entry)});
        }
    }
    return errors;
}

}  // namespace

std::optional<std::string> ViewMeta::member(std::string_view name) const {
    // The text was parsed before with whatever depth the limits allowed, and is bounded by them.
    json::parser parser({}, options(text.size()));
    json::error_code failure;
    parser.write(text, failure);
    if (failure) return std::nullopt;
    const json::value envelope = parser.release();
    const json::value* found = envelope.get_object().if_contains(name);
    if (found == nullptr) return std::nullopt;
    return json::serialize(*found);
}

namespace detail {

MetaParse parse_meta(std::string_view text, std::size_t depth, ViewMeta& meta) {
    json::stream_parser parser({}, options(depth));
    json::error_code failure;
    const std::size_t used = parser.write(text.data(), text.size(), failure);
    if (failure == json::error::too_deep)
        return {MetaParse::too_deep, used, "brackets nested deeper than the limit, outside the rows"};
    if (failure) return {MetaParse::broken, used, "outside the rows: " + failure.message()};
    if (!parser.done()) return {MetaParse::incomplete, used, {}};
    parser.finish(failure);
    if (failure) return {MetaParse::incomplete, used, {}};
    const json::value document = parser.release();
    const json::object& envelope = document.get_object();
    meta.total_rows = count(envelope, "total_rows");
    meta.offset = count(envelope, "offset");
    meta.errors = node_errors(envelope);
    meta.error = text_of(envelope, "error");
    meta.reason = text_of(envelope, "reason");
    return {};
}

}  // namespace detail
}  // namespace plait::couch_async
