// ViewStream: one view from request to outcome: the exchange, the pump and the owner's callbacks in their order.
// What AsyncViewBase is made of; apart from it, so that the owner may be destroyed from its own callbacks.
//
//     fresh --start--> running --outcome--> ending (on_error? on_done) --> ended
//                         └──────────cancel, destroyed──────────────────────^
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "plait/couch_async/detail/row_pump.hpp"
#include "plait/couch_async/view/query.hpp"
#include "plait/couch_async/view/view_options.hpp"
#include "plait/couch_async/view_client.hpp"
#include "plait/reactor/protocols/http_exchange.hpp"

namespace plait::couch_async {
class AsyncViewBase;
}

namespace plait::couch_async::detail {

class ViewStream final : public std::enable_shared_from_this<ViewStream>,
                         private RowPump::Sink,
                         private HttpResponseHandler {
public:
    ViewStream(AsyncViewBase& owner, const ViewClient& client, const ViewSpec& spec, const ViewQuery& query,
               const ViewOptions& options);

    Deferred<ViewMeta> start();
    void pause();
    void resume();
    void cancel();

    /// The owner is being destroyed: not one more call to it.
    void disown();

    bool paused() const noexcept { return pump_->paused() && !resume_call_.active(); }
    bool running() const noexcept { return state_ == State::running; }
    std::uint64_t rows() const noexcept { return pump_->rows(); }
    const ViewMeta& meta() const noexcept { return pump_->meta(); }

private:
    enum class State : std::uint8_t { fresh, running, ending, ended };

    void send();
    void set_total_timer();
    void on_head(HttpResponseHead head) override;
    void on_body(Bytes piece) override;
    void on_complete() override;
    void on_failure(const Failure& reason) override;

    Deferred<> pump_rows(Rows rows) override;
    void pump_wants(bool more) override;
    void pump_ended(std::optional<Failure> failure) override;

    void refuse();
    void let_go() noexcept;
    void end(std::optional<Failure> failure);

    AsyncViewBase* owner_;
    ViewClient client_;
    ViewOptions options_;
    std::string name_;  // for messages: the view's address without the query
    HttpRequest request_;
    const std::shared_ptr<RowPump> pump_;
    std::unique_ptr<HttpExchange> exchange_;
    Promise<ViewMeta> promise_;
    DelayedCall total_timer_;
    DelayedCall resume_call_;
    std::optional<HttpResponseHead> refusal_;  // the head of an answer that is not 2xx, and its body
    std::string refusal_body_;
    bool begun_ = false;
    State state_ = State::fresh;
};

}  // namespace plait::couch_async::detail
