#include "plait/couch_async/view/async_view_base.hpp"

#include "plait/couch_async/detail/view_stream.hpp"

namespace plait::couch_async {

AsyncViewBase::AsyncViewBase(const ViewClient& client, ViewSpec spec, ViewQuery query, ViewOptions options)
    : stream_(std::make_shared<detail::ViewStream>(*this, client, spec, query, options)) {}

AsyncViewBase::~AsyncViewBase() {
    stream_->disown();
}

Deferred<ViewMeta> AsyncViewBase::start() {
    return stream_->start();
}

void AsyncViewBase::pause() {
    stream_->pause();
}

void AsyncViewBase::resume() {
    stream_->resume();
}

bool AsyncViewBase::paused() const noexcept {
    return stream_->paused();
}

void AsyncViewBase::cancel() {
    const auto stream = stream_;  // the Deferred's callbacks may destroy us
    stream->cancel();
}

std::uint64_t AsyncViewBase::rows_returned() const noexcept {
    return stream_->rows();
}

const ViewMeta& AsyncViewBase::meta() const noexcept {
    return stream_->meta();
}

bool AsyncViewBase::running() const noexcept {
    return stream_->running();
}

void AsyncViewBase::on_error(const Failure&) {}

void AsyncViewBase::on_done(const ViewMeta&) {}

}  // namespace plait::couch_async
