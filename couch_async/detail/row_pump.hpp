// RowPump: a body's bytes in, batches of rows out to a handler that may make it wait. No HTTP, no connection.
// Says when it wants more bytes, which is how a slow handler reaches the socket.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "plait/couch_async/view/row_splitter.hpp"
#include "plait/couch_async/view/view_options.hpp"
#include "plait/deferred/clock.hpp"
#include "plait/deferred/deferred.hpp"

namespace plait::couch_async::detail {

/// Lifetime: shared, as each of the sink's functions may let go of it.
class RowPump : public std::enable_shared_from_this<RowPump> {
public:
    class Sink {
    public:
        /// Must not throw. The pump waits for the result; an empty Deferred is as good as a ready one.
        virtual Deferred<> pump_rows(Rows rows) = 0;
        /// Called when it changes; at first more is wanted.
        virtual void pump_wants(bool more) = 0;
        /// The last call: every row was handed on, or something failed.
        virtual void pump_ended(std::optional<Failure> failure) = 0;

    protected:
        ~Sink() = default;
    };

    RowPump(Clock& clock, const ViewOptions& options, Sink& sink);

    void feed(Bytes piece);
    /// The body has ended as it should.
    void finish();
    /// It has ended otherwise: rows that are there are handed on, then the pump fails with this.
    void fail(Failure failure);

    void pause();
    /// Goes on before it returns.
    void resume();
    bool paused() const noexcept { return paused_; }

    /// The sink is not called any more; what it was waited for is dropped.
    void stop() noexcept;

    std::uint64_t rows() const noexcept { return rows_; }
    const ViewMeta& meta() const noexcept { return splitter_.meta(); }

private:
    void advance();
    bool step();
    bool hungry();
    void deliver();
    void handled(const Result<>& result);
    void conclude(std::optional<Failure> failure);
    void tell_wants();

    Clock& clock_;
    Sink& sink_;
    const BatchBound bound_;
    const Duration delay_;
    RowSplitter splitter_;
    Rows batch_;
    Deferred<> handling_;
    DelayedCall delay_timer_;
    std::optional<Failure> failure_;
    std::uint64_t rows_ = 0;
    bool delay_passed_ = false;
    bool input_over_ = false;
    bool paused_ = false;
    bool advancing_ = false;
    bool over_ = false;
    bool wanted_ = true;
};

}  // namespace plait::couch_async::detail
