// Where a redirection leads, and what may be taken along. Not public: HttpClient's rules.
#pragma once

#include <string>
#include <string_view>

#include "plait/reactor/protocols/http_client.hpp"

namespace plait::detail {

struct HttpNextRequest {
    Url url;
    std::string method;
    bool drops_body = false;
};

bool is_redirection(int status) noexcept;

/// What comes after `request` was answered `status` and `location`.
/// Throws HttpBadRedirect when that is no address, or one that must not be gone to.
HttpNextRequest follow_redirection(const HttpClientRequest& request, int status, std::string_view location);

/// True for what is told to one origin only.
bool is_secret(std::string_view header) noexcept;

/// Takes out what is meant for the origin before, and for the body before.
void drop_secrets(HttpHeaders& headers);
void drop_body_headers(HttpHeaders& headers);

}  // namespace plait::detail
