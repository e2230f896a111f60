// What the head of an HTTP message says of its body's end and of its connection's. Not public, and not a parser: the
// fields are read by then.
#pragma once

#include "plait/reactor/protocols/http_headers.hpp"

namespace plait::detail {

/// Throws HttpMalformed where two readers could see the body end in different places: more than one Content-Length, or
/// a Transfer-Encoding that HTTP/1.0 does not know or that does not end in the only "chunked"; and HttpNotSupported for
/// a coding that is not known here.
void check_framing(const HttpHeaders& headers, int minor_version, bool is_request);

/// As the version and `Connection` have it. "close" counts for more than "keep-alive".
bool keeps_connection(const HttpHeaders& headers, int minor_version) noexcept;

}  // namespace plait::detail
