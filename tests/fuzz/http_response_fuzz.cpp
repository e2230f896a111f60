// Answers, one after the other. The first byte says whether the first of them is to a HEAD request.
#include "plait/tests/fuzz/http_messages.hpp"

namespace plait::fuzz {

void one_input(std::string_view input) {
    if (input.empty()) return;
    const bool no_body = (input.front() & 1) != 0;
    same_however_cut<HttpResponseHead>(input.substr(1), no_body);
}

}  // namespace plait::fuzz
