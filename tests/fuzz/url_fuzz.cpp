// The first line is an address, the rest a reference found there.
#include "plait/reactor/protocols/url.hpp"

#include "plait/reactor/protocols/http_message.hpp"
#include "plait/tests/fuzz/fuzz.hpp"

namespace plait::fuzz {

namespace {

void check(const Url& url) {
    const Url again = Url::parse(url.str());
    expect_same(again.str(), url.str(), "an address is the same when it is read again");
    expect(again.same_origin(url) && url.same_origin(again), "and of the same origin");
    expect(!url.host.empty() && url.port != 0, "there is somewhere to connect to");
    HttpRequestHead head;
    head.target = url.target();
    head.headers.add("Host", url.authority());
    if (auto authorization = url.basic_authorization()) head.headers.add("Authorization", *std::move(authorization));
    const auto text = format_head(head);
    expect(text.find("\r\n\r\n") == text.size() - 4, "an address fits into one head");
}

}  // namespace

void one_input(std::string_view input) {
    const auto decoded = percent_decode(input);
    if (decoded) expect_same(*percent_decode(percent_encode(*decoded)), *decoded, "encoding can be undone");
    const auto first = take_line(input);
    try {
        const Url url = Url::parse(first);
        check(url);
        check(url.resolve(input));
    } catch (const BadUrl& error) {
        expect(error.what()[0] != '\0', "a refusal says why");
    }
}

}  // namespace plait::fuzz
