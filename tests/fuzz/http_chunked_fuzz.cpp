// A body in chunks, of a request and of an answer: both are read alike.
#include "plait/tests/fuzz/http_messages.hpp"

namespace plait::fuzz {

void one_input(std::string_view input) {
    const std::string body(input);
    same_however_cut<HttpRequestHead>("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + body);
    same_however_cut<HttpResponseHead>("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body);
}

}  // namespace plait::fuzz
