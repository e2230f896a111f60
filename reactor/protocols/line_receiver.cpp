#include "plait/reactor/protocols/line_receiver.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace plait {

LineReceiver::LineReceiver(std::string delimiter, std::size_t max_length)
    : delimiter_(std::move(delimiter)), max_length_(max_length) {
    if (delimiter_.empty()) throw std::invalid_argument("a LineReceiver needs a delimiter of at least one byte");
}

void LineReceiver::raw_data_received(const Bytes&) {
    throw InvalidState("a LineReceiver in raw mode does not override raw_data_received()");
}

void LineReceiver::line_length_exceeded(const Bytes&) {
    throw LineTooLong("the connection to " + transport().peer().str() + " was closed: a line is longer than the " +
                      std::to_string(max_length_) + " bytes allowed; set_max_length() allows more");
}

void LineReceiver::set_raw_mode() {
    raw_ = true;
    if (!partial_.empty()) pending_.push_front(Bytes::own(std::exchange(partial_, {})));
    deliver_kept();
}

void LineReceiver::set_line_mode(Bytes extra) {
    raw_ = false;
    if (!extra.empty()) pending_.push_front(std::move(extra));
    deliver_kept();
}

Bytes LineReceiver::clear_line_buffer() {
    std::string all = std::exchange(partial_, {});
    for (const Bytes& piece : pending_)
        all.append(piece.view());
    pending_.clear();
    return Bytes::own(std::move(all));
}

void LineReceiver::send_line(std::string_view line) {
    std::string text;
    text.reserve(line.size() + delimiter_.size());
    text.append(line).append(delimiter_);
    transport().write(Bytes::own(std::move(text)));
}

bool LineReceiver::deliver_next() {
    if (pending_.empty()) return false;
    raw_ ? next_raw() : next_line();
    return true;
}

void LineReceiver::drop_kept() noexcept {
    pending_.clear();
    partial_.clear();
}

void LineReceiver::next_raw() {
    const auto piece = std::move(pending_.front());
    pending_.pop_front();
    raw_data_received(piece);
}

void LineReceiver::next_line() {
    if (!partial_.empty() && finish_straddling_line()) return;
    const auto piece = pending_.front();
    const auto end = piece.view().find(delimiter_);
    if (end == std::string_view::npos) return hold_rest();
    consume(end + delimiter_.size());
    if (partial_.empty()) return take_line(piece.slice(0, end));
    if (partial_.size() + end <= max_length_) {
        partial_.append(piece.view().substr(0, end));
        return take_line(Bytes::own(std::exchange(partial_, {})));
    }
    take_line(Bytes::own(std::exchange(partial_, {}).append(piece.view().substr(0, max_length_ + 1))));
}

/// The delimiter may lie across the end of `partial_` and the start of what follows.
bool LineReceiver::finish_straddling_line() {
    const auto overlap = delimiter_.size() - 1;
    const auto tail = partial_.size() - std::min(overlap, partial_.size());
    auto seam = partial_.substr(tail);
    const auto seam_start = seam.size();
    seam.append(pending_.front().view().substr(0, overlap));
    const auto found = seam.find(delimiter_);
    if (found == std::string::npos) return false;
    consume(found + delimiter_.size() - seam_start);
    partial_.resize(tail + found);
    take_line(Bytes::own(std::exchange(partial_, {})));
    return true;
}

void LineReceiver::hold_rest() {
    const auto piece = std::move(pending_.front());
    pending_.pop_front();
    // Part of a delimiter may stand at the limit: only with a whole one's length more is the line surely too long.
    const auto most = max_length_ + std::min(delimiter_.size() - 1, Bytes::npos - max_length_);
    if (piece.size() <= most - std::min(most, partial_.size())) {
        partial_.append(piece.view());
        return;
    }
    partial_.append(piece.view().substr(0, most + 1));
    take_line(Bytes::own(std::exchange(partial_, {})));
}

void LineReceiver::take_line(Bytes line) {
    if (line.size() <= max_length_) return line_received(std::move(line));
    pending_.clear();
    line_length_exceeded(line);
}

void LineReceiver::consume(std::size_t count) {
    pending_.front().remove_prefix(count);
    if (pending_.front().empty()) pending_.pop_front();
}

}  // namespace plait
