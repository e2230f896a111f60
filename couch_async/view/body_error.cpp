#include "plait/couch_async/view/body_error.hpp"

#include <fmt/format.h>

namespace plait::couch_async {
namespace {

const char* advice(BodyFault fault) noexcept {
    switch (fault) {
        case BodyFault::empty_body:
        case BodyFault::byte_order_mark:
        case BodyFault::not_an_object:
        case BodyFault::no_rows:
        case BodyFault::rows_not_array:
            return "check that the URL names a view";
        case BodyFault::truncated:
            return "the server or a proxy gave up; run the query again, or go on from the last key";
        case BodyFault::row_too_large:
            return "raise SplitLimits::row_bytes, or ask for less per row (include_docs=false)";
        case BodyFault::meta_too_large:
            return "raise SplitLimits::meta_bytes, or ask without debug=true";
        case BodyFault::too_deep:
            return "raise SplitLimits::depth";
        case BodyFault::not_json:
        case BodyFault::trailing_garbage:
        case BodyFault::rows_twice:
            break;
    }
    return "the server or a proxy sent a broken body; look at it with curl";
}

}  // namespace

const char* to_string(BodyFault fault) noexcept {
    switch (fault) {
        case BodyFault::empty_body:
            return "empty_body";
        case BodyFault::byte_order_mark:
            return "byte_order_mark";
        case BodyFault::not_an_object:
            return "not_an_object";
        case BodyFault::not_json:
            return "not_json";
        case BodyFault::truncated:
            return "truncated";
        case BodyFault::trailing_garbage:
            return "trailing_garbage";
        case BodyFault::no_rows:
            return "no_rows";
        case BodyFault::rows_not_array:
            return "rows_not_array";
        case BodyFault::rows_twice:
            return "rows_twice";
        case BodyFault::row_too_large:
            return "row_too_large";
        case BodyFault::meta_too_large:
            return "meta_too_large";
        case BodyFault::too_deep:
            return "too_deep";
    }
    return "unknown";
}

ViewBodyError::ViewBodyError(BodyFault fault, std::uint64_t offset, const std::string& detail)
    : std::runtime_error(fmt::format("view body, byte {}: {}; {}", offset, detail, advice(fault))),
      fault_(fault),
      offset_(offset) {}

}  // namespace plait::couch_async
