// ViewResponder: which answer a request gets from the view server: finds the view, reads the query, says what is wrong.
// No I/O. What the connection does with the answer is in testing/view_server.cpp.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "plait/couch_async/detail/view_answer.hpp"
#include "plait/couch_async/testing/view_server.hpp"

namespace plait::couch_async::detail {

class ViewResponder {
public:
    explicit ViewResponder(testing::ViewServerOptions options) : options_(std::move(options)) {}

    void set(std::string_view database, std::string_view design, std::string_view view,
             testing::ViewDocuments documents);
    void remove(std::string_view database, std::string_view design, std::string_view view);

    ViewAnswer answer(const testing::ViewServerRequest& request, testing::Misbehaviour misbehaviour) const;

    /// An answer outside of any request: `{"error":...,"reason":...}`.
    ViewAnswer refusal(int status, std::string_view error, std::string_view reason) const;

private:
    using Documents = std::shared_ptr<const testing::ViewDocuments>;

    ViewBody body_of(const testing::ViewServerRequest& request, const testing::Misbehaviour& misbehaviour) const;
    const Documents& find(std::string_view path) const;
    void check_user(const HttpHeaders& headers) const;
    HttpResponseHead head(int status, const HttpHeaders& asked) const;

    testing::ViewServerOptions options_;
    // database, then "design/view"; in this order a missing database is told from a missing view.
    std::map<std::string, std::map<std::string, Documents, std::less<>>, std::less<>> databases_;
};

}  // namespace plait::couch_async::detail
