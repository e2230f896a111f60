#include "plait/reactor/protocols/http_body.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "plait/deferred/errors.hpp"
#include "plait/reactor/detail/http_body_queue.hpp"
#include "plait/reactor/protocols/http_errors.hpp"

namespace plait {
namespace detail {
namespace {

constexpr std::size_t enough = 64 * 1024;  // bytes here at which the sender has to wait

/// A piece keeps the block it came in: many small ones are more than their bytes.
std::size_t cost_of(const Bytes& piece) noexcept {
    constexpr std::size_t least = 512;
    return std::max(piece.size(), least);
}

}  // namespace

void HttpBodyQueue::push(Bytes piece) {
    const auto self = shared_from_this();
    if (waiting_.wanted()) {
        auto promise = std::move(waiting_);
        return promise.callback(std::move(piece));
    }
    cost_ += cost_of(piece);
    pieces_.push_back(std::move(piece));
    if (cost_ < enough || paused_ || flow_ == nullptr) return;
    paused_ = true;
    flow_->pause_body();
}

void HttpBodyQueue::end() {
    const auto self = shared_from_this();
    flow_ = nullptr;
    ended_ = true;
    auto promise = std::move(waiting_);
    if (promise.wanted()) promise.callback(Bytes());
}

void HttpBodyQueue::fail(const Failure& reason) {
    const auto self = shared_from_this();
    flow_ = nullptr;
    if (ended_ || failed_) return;
    failed_ = reason;
    auto promise = std::move(waiting_);
    if (promise.wanted()) promise.errback(reason);
}

Deferred<Bytes> HttpBodyQueue::read() {
    if (waiting_.wanted()) return plait::fail<Bytes>(InvalidState("an HTTP body is read by one reader at a time"));
    if (!pieces_.empty()) {
        Bytes piece = std::move(pieces_.front());
        pieces_.pop_front();
        cost_ -= cost_of(piece);
        if (paused_ && cost_ < enough / 2) resume();
        return Deferred<Bytes>::succeed(std::move(piece));
    }
    if (failed_) return plait::fail<Bytes>(*failed_);
    if (ended_ || flow_ == nullptr) return Deferred<Bytes>::succeed(Bytes());
    auto [deferred, promise] = make_deferred<Bytes>();
    waiting_ = std::move(promise);
    const auto flow = flow_;
    resume();
    flow->body_wanted();
    return std::move(deferred);
}

void HttpBodyQueue::resume() {
    const auto flow = flow_;
    if (std::exchange(paused_, false) && flow != nullptr) flow->resume_body();
}

void HttpBodyQueue::drop() {
    const auto self = shared_from_this();
    pieces_.clear();
    const auto flow = std::move(flow_);
    if (flow != nullptr) flow->drop_body();
}

}  // namespace detail

HttpBodyReader& HttpBodyReader::operator=(HttpBodyReader&& other) noexcept {
    if (this == &other) return *this;
    const HttpBodyReader old(std::move(*this));
    queue_ = std::move(other.queue_);
    return *this;
}

HttpBodyReader::~HttpBodyReader() {
    if (queue_ != nullptr) queue_->drop();
}

Deferred<Bytes> HttpBodyReader::read() {
    if (queue_ == nullptr) return Deferred<Bytes>::succeed(Bytes());
    return queue_->read();
}

namespace {

Deferred<Bytes> read_all_of(std::shared_ptr<detail::HttpBodyQueue> queue, std::size_t most) {
    std::string all;
    for (;;) {
        auto next = queue->read();
        const Bytes piece = co_await std::move(next);
        if (piece.empty()) break;
        if (piece.size() > most - all.size()) {
            throw HttpLimitExceeded(HttpLimitExceeded::Part::body, most,
                                    fmt::format("the body of an HTTP message is larger than {} bytes", most));
        }
        all.append(piece.view());
    }
    co_return Bytes::own(std::move(all));
}

}  // namespace

Deferred<Bytes> HttpBodyReader::read_all(std::size_t most) {
    if (queue_ == nullptr) return Deferred<Bytes>::succeed(Bytes());
    return read_all_of(queue_, most);
}

HttpBodySource HttpBodyReader::as_source(std::optional<std::uint64_t> length) && {
    HttpBodySource source;
    source.next = [reader = std::move(*this)]() mutable { return reader.read(); };
    source.length = length;
    return source;
}

}  // namespace plait
