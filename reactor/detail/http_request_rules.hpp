// What a server has to know of a request before anybody else may read its head. Not public; its body is no matter here.
#pragma once

#include "plait/reactor/protocols/http_message.hpp"

namespace plait::detail {

/// Throws HttpMalformed unless the request says once which host is meant, HTTP/1.0 at most once, and has a target that
/// fits its method; HttpNotSupported for CONNECT. A target that is a whole address, as for a proxy, becomes its path
/// and query, and its host the `Host`: who answers sees one kind of target.
/// Source: RFC 9112, sections 3.2 and 3.3.
void check_request(HttpRequestHead& head);

}  // namespace plait::detail
