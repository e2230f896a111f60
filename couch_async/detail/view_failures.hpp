// What went wrong with a view's answer, said in its own words: statuses, cut-off bodies and time-outs as the types of
// couch_async/errors.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "plait/couch_async/view/meta.hpp"
#include "plait/deferred/failure.hpp"
#include "plait/reactor/protocols/http_message.hpp"

namespace plait::couch_async::detail {

/// For an answer that is not 2xx. `body` is what came of its body.
Failure status_failure(const std::string& view, const HttpResponseHead& head, std::string_view body);

/// For an answer that ended early, took too long, or cannot be a view's; others pass as they are. `begun`: its head was
/// there; `rows` were delivered before.
Failure stream_failure(const std::string& view, const Failure& reason, bool begun, std::uint64_t rows);

/// For a complete answer that says itself that it is not complete. False: it does not.
bool reports_errors(const ViewMeta& meta);
Failure reported_failure(const std::string& view, const ViewMeta& meta, std::uint64_t rows);

}  // namespace plait::couch_async::detail
