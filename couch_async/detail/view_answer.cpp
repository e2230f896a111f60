#include "plait/couch_async/detail/view_answer.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

namespace plait::couch_async::detail {

using testing::Misbehaviour;

ViewAnswer::ViewAnswer(HttpResponseHead head, std::variant<std::string, ViewBody> body, Misbehaviour misbehaviour,
                       std::size_t natural_chunk)
    : body_(std::move(body)),
      misbehaviour_(std::move(misbehaviour)),
      natural_chunk_(natural_chunk),
      random_(static_cast<std::minstd_rand::result_type>(misbehaviour_.seed_.value_or(1))) {
    if (misbehaviour_.garbage_) {
        head_ = *misbehaviour_.garbage_;
        body_ = std::string();
        keep_alive_ = false;
    } else {
        write_head(std::move(head));
    }
    if (auto* text = std::get_if<std::string>(&body_)) staged_ = std::move(*text);
}

void ViewAnswer::write_head(HttpResponseHead head) {
    for (const auto& field : misbehaviour_.headers_)
        head.headers.add(field.name, field.value);
    const auto* text = std::get_if<std::string>(&body_);
    if (misbehaviour_.content_length_) {
        head.headers.add("Content-Length", std::to_string(*misbehaviour_.content_length_));
        keep_alive_ = false;
    } else if (misbehaviour_.until_close_) {
        keep_alive_ = false;
    } else if (text != nullptr && head.status != 200) {
        head.headers.add("Content-Length", std::to_string(text->size()));
    } else {
        head.headers.add("Transfer-Encoding", "chunked");
        chunked_ = true;
    }
    if (!keep_alive_) head.headers.add("Connection", "close");
    head_ = format_head(head);
}

std::uint64_t ViewAnswer::rows_written() const noexcept {
    const auto* view = std::get_if<ViewBody>(&body_);
    return view != nullptr ? view->rows_written() : 0;
}

ViewAnswer::Next ViewAnswer::produce(std::string& out, std::size_t want) {
    if (after_held_) {
        out += std::exchange(held_, {});
        return *std::exchange(after_held_, std::nullopt);
    }
    const std::size_t before = out.size();
    const Next next = produce_freely(out, want);
    wire_sent_ += out.size() - before;
    if (!misbehaviour_.wire_bytes_ || wire_sent_ < *misbehaviour_.wire_bytes_) return next;
    return hold_back(out, static_cast<std::size_t>(wire_sent_ - *misbehaviour_.wire_bytes_), next);
}

ViewAnswer::Next ViewAnswer::hold_back(std::string& out, std::size_t excess, Next next) {
    held_.assign(out, out.size() - excess, excess);
    after_held_ = next;
    out.resize(out.size() - excess);
    switch (misbehaviour_.ending_) {
        case Misbehaviour::Ending::stall:
            return Next::stall;
        case Misbehaviour::Ending::reset:
            return Next::reset;
        default:
            return Next::close;
    }
}

ViewAnswer::Next ViewAnswer::produce_freely(std::string& out, std::size_t want) {
    const std::size_t target = out.size() + want;
    out += std::exchange(head_, {});
    out += std::exchange(chunk_rest_, {});
    while (out.size() < target) {
        if (misbehaviour_.bytes_ && body_sent_ >= *misbehaviour_.bytes_) return break_off(out);
        const std::size_t size = chunk_size();
        fill(size == 0 ? natural_chunk_ : size);
        const std::size_t available = staged_.size() - taken_;
        if (available == 0) return end_of_body(out);
        append_chunk(out, size == 0 ? available : std::min(size, available));
    }
    return Next::more;
}

std::size_t ViewAnswer::chunk_size() {
    if (misbehaviour_.chunk_bytes_ == 0) return 0;
    if (!misbehaviour_.seed_) return misbehaviour_.chunk_bytes_;
    return 1 + random_() % misbehaviour_.chunk_bytes_;
}

void ViewAnswer::fill(std::size_t bytes) {
    auto* view = std::get_if<ViewBody>(&body_);
    if (view == nullptr || staged_.size() - taken_ >= bytes) return;
    staged_.erase(0, std::exchange(taken_, 0));
    while (staged_.size() < bytes && view->append_piece(staged_)) {
    }
}

void ViewAnswer::append_chunk(std::string& out, std::size_t size) {
    const std::uint64_t left = misbehaviour_.bytes_ ? *misbehaviour_.bytes_ - body_sent_ : size;
    const auto sent = static_cast<std::size_t>(std::min<std::uint64_t>(size, left));
    const bool in_order = sent == size || misbehaviour_.ending_ == Misbehaviour::Ending::finish;
    if (chunked_) fmt::format_to(std::back_inserter(out), "{:x}\r\n", in_order ? sent : size);
    out.append(staged_, taken_, sent);
    const char* end = chunked_ ? "\r\n" : "";
    if (in_order) {
        out += end;
    } else {
        chunk_rest_.assign(staged_, taken_ + sent, size - sent).append(end);
    }
    taken_ += size;
    body_sent_ += sent;
}

ViewAnswer::Next ViewAnswer::break_off(std::string& out) {
    switch (misbehaviour_.ending_) {
        case Misbehaviour::Ending::stall:
            return Next::stall;
        case Misbehaviour::Ending::reset:
            return Next::reset;
        case Misbehaviour::Ending::finish:
            return finish(out);
        default:
            return Next::close;
    }
}

ViewAnswer::Next ViewAnswer::end_of_body(std::string& out) {
    const auto* view = std::get_if<ViewBody>(&body_);
    return view != nullptr && view->stopped() ? break_off(out) : finish(out);
}

ViewAnswer::Next ViewAnswer::finish(std::string& out) {
    if (chunked_) out += "0\r\n\r\n";
    return keep_alive_ ? Next::keep_alive : Next::close;
}

void ViewAnswer::go_on() {
    misbehaviour_.ending_ = Misbehaviour::Ending::none;
    misbehaviour_.rows_ = misbehaviour_.bytes_ = misbehaviour_.wire_bytes_ = std::nullopt;
    if (auto* view = std::get_if<ViewBody>(&body_)) view->go_on();
}

}  // namespace plait::couch_async::detail
