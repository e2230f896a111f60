// What a view can fail with, one type for each thing a caller may want to do about it.
// Not here: connections that cannot be made (reactor/errors.hpp), answers that are not HTTP
// (reactor/protocols/http_errors.hpp) and bodies that are not a view's (view/body_error.hpp); they reach the caller as
// they are.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "plait/couch_async/view/meta.hpp"
#include "plait/deferred/errors.hpp"

namespace plait::couch_async {

/// Any of the below but ViewTimeout, which is a TimeoutError as all time-outs of the library are.
class ViewError : public Error {
public:
    using Error::Error;
};

/// The server answered with another status than 2xx. No row was delivered.
class HttpStatusError : public ViewError {
public:
    HttpStatusError(const std::string& what, int status, std::string error, std::string reason)
        : ViewError(what), status_(status), error_(std::move(error)), reason_(std::move(reason)) {}

    int status() const noexcept { return status_; }

    /// The server's own words, "error" and "reason" of its body. When it was no such body: empty, and how it began.
    const std::string& error() const noexcept { return error_; }
    const std::string& reason() const noexcept { return reason_; }

private:
    int status_;
    std::string error_;
    std::string reason_;
};
/// 404: no such database, design document or view.
class ViewNotFound : public HttpStatusError {
public:
    using HttpStatusError::HttpStatusError;
};
/// 401, 403: name the right user and password in the client's URL.
class AccessDenied : public HttpStatusError {
public:
    using HttpStatusError::HttpStatusError;
};
/// 400: the server does not take the query as it is; mend it.
class BadViewQuery : public HttpStatusError {
public:
    using HttpStatusError::HttpStatusError;
};
/// 408, 429 and 5xx: trouble of the server; later, or elsewhere, it may work.
class ViewUnavailable : public HttpStatusError {
public:
    using HttpStatusError::HttpStatusError;
};
/// 3xx: the view is elsewhere. Not followed.
class ViewRedirected : public HttpStatusError {
public:
    ViewRedirected(const std::string& what, int status, std::string location)
        : HttpStatusError(what, status, {}, {}), location_(std::move(location)) {}

    /// As the server wrote it; may be relative, may be empty.
    const std::string& location() const noexcept { return location_; }

private:
    std::string location_;
};

/// The answer ended before the view did: the connection was closed in the middle or before it began, or the JSON stops.
/// Rows delivered are good; to get the others, ask again from the last of them.
class TruncatedBody : public ViewError {
public:
    TruncatedBody(const std::string& what, std::uint64_t rows) : ViewError(what), rows_(rows) {}

    /// Rows that arrived completely; on_rows() has had them all.
    std::uint64_t rows() const noexcept { return rows_; }

private:
    std::uint64_t rows_;
};

/// A complete answer with status 200, which says that rows are missing from it: nodes failed. What was delivered is
/// good.
class ViewErrors : public ViewError {
public:
    ViewErrors(const std::string& what, std::vector<ViewNodeError> errors, std::uint64_t rows)
        : ViewError(what), errors_(std::move(errors)), rows_(rows) {}

    /// Never empty.
    const std::vector<ViewNodeError>& errors() const noexcept { return errors_; }
    std::uint64_t rows() const noexcept { return rows_; }

private:
    std::vector<ViewNodeError> errors_;
    std::uint64_t rows_;
};

/// The server took longer than the options allow. Connections that take too long are ConnectTimeout, as everywhere.
class ViewTimeout : public TimeoutError {
public:
    enum class Waiting : std::uint8_t {
        first_byte,  ///< for the answer to begin: the server may be building its index
        idle,        ///< for more of the answer, in the middle of it
        total,       ///< for all of it
    };

    ViewTimeout(const std::string& what, Waiting waiting, std::uint64_t rows)
        : TimeoutError(what), waiting_(waiting), rows_(rows) {}

    Waiting waiting() const noexcept { return waiting_; }
    /// Rows delivered before.
    std::uint64_t rows() const noexcept { return rows_; }

private:
    Waiting waiting_;
    std::uint64_t rows_;
};

/// collect_rows() met more than it was told to keep.
class TooManyRows : public ViewError {
public:
    using ViewError::ViewError;
};

}  // namespace plait::couch_async
