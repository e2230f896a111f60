// AsyncViewBase: a view streamed to a class of yours: on_rows, on_error, on_done. Any number of rows in bounded memory.
// One query, one time: not restartable, not a cache. For a few rows in a vector see collect_rows.hpp.
#pragma once

#include <cstdint>
#include <memory>

#include "plait/couch_async/view/meta.hpp"
#include "plait/couch_async/view/query.hpp"
#include "plait/couch_async/view/rows.hpp"
#include "plait/couch_async/view/view_options.hpp"
#include "plait/couch_async/view_client.hpp"
#include "plait/deferred/deferred.hpp"

namespace plait::couch_async {

namespace detail {
class ViewStream;
}

/// Derive from it.
///
///     class Export : public AsyncViewBase {
///     public:
///         using AsyncViewBase::AsyncViewBase;
///
///     private:
///         Deferred<> on_rows(Rows rows) override {
///             for (auto& row : rows) out_.add(row.id(), row.value());
///             return out_.flushed();     // the stream waits
///         }
///         void on_error(const Failure& failure) override { log(failure); }
///     };
///
///     Export rows(client, {"packages", "by_name"});
///     ViewMeta meta = co_await rows.start();
///
/// Order: on_rows* on_error? on_done, and then start()'s Deferred, each once. on_done() follows on_error() too, with
///        what is known of the envelope. An empty view gets on_done() alone. Rows that arrived before an error are
///        delivered before it, and stay delivered; only `timeouts.total` drops those that still wait.
///
/// Back-pressure: until the Deferred of on_rows() fires, nothing else is called, and nothing is read from the
///        connection, so that the server has to wait. What is held meanwhile: one batch, what the last read from the
///        socket brought, and one row that has not arrived completely.
///
/// Lifetime: may be destroyed at any time, from its own callbacks too. Destroying it before its end does as cancel();
///        in on_error or on_done the Deferred still fires with the outcome. The base is destroyed last: where
///        on_rows() is a coroutine whose locals use members of your class when they are destroyed, call cancel() in
///        your destructor.
/// Threads:  the reactor's.
/// Source:   AsyncViewBase of the Couchbase client for Python; that one could not wait, pause or be cancelled.
class AsyncViewBase {
public:
    /// Throws std::invalid_argument for a view without a name, or a query that its dialect does not have.
    AsyncViewBase(const ViewClient& client, ViewSpec spec, ViewQuery query = {}, ViewOptions options = {});
    AsyncViewBase(const AsyncViewBase&) = delete;
    AsyncViewBase& operator=(const AsyncViewBase&) = delete;
    virtual ~AsyncViewBase();

    /// Sends the request. Nothing is called before this has returned.
    ///
    /// Fires:  with the envelope, after on_done().
    /// Fails:  with what on_error() was told: a ViewError or ViewTimeout (couch_async/errors.hpp), a ViewBodyError
    ///         (view/body_error.hpp), a ConnectError or ConnectionClosed (reactor/errors.hpp), an HttpError
    ///         (reactor/protocols/http_errors.hpp), or what on_rows() failed with. With Cancelled after cancel(). With
    ///         InvalidState the second time.
    /// Cancel: as cancel(). Dropping the Deferred is that too: detach() it where on_error() and on_done() say all.
    Deferred<ViewMeta> start();

    /// Nothing is called and nothing is read until resume(), but for the end by `timeouts.total`. Allowed before
    /// start() and in callbacks; pauses do not nest. The server may lose patience: with a long pause comes its idle
    /// time-out.
    void pause();

    /// Nothing is called from inside it.
    void resume();
    bool paused() const noexcept;

    /// Ends the stream and closes its connection at once. Nothing more is called, neither on_error nor on_done;
    /// start()'s Deferred fails with Cancelled before this returns. Does nothing after the end. In on_error() it takes
    /// on_done() back.
    void cancel();

    /// Rows given to on_rows() so far.
    std::uint64_t rows_returned() const noexcept;

    /// total_rows and offset as soon as they are known, errors at the end. Empty before.
    const ViewMeta& meta() const noexcept;

    /// Between start() and on_error or on_done, or cancel().
    bool running() const noexcept;

protected:
    /// A batch of rows, never empty. The stream waits for the Deferred; `return succeed();` or a coroutine that does
    /// not wait goes on at once. Failing it, or throwing, ends the stream: on_error() is told why.
    virtual Deferred<> on_rows(Rows rows) = 0;

    /// The stream has failed; on_done() follows. The default ignores it: start()'s Deferred says the same.
    virtual void on_error(const Failure& failure);

    /// The end. Nothing is called afterwards.
    virtual void on_done(const ViewMeta& meta);

private:
    friend class detail::ViewStream;

    std::shared_ptr<detail::ViewStream> stream_;
};

}  // namespace plait::couch_async
