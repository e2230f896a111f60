#include "plait/couch_async/detail/view_body.hpp"

#include <iterator>
#include <utility>

#include <fmt/format.h>

namespace plait::couch_async::detail {

ViewBody::ViewBody(std::shared_ptr<const testing::ViewDocuments> documents, Selection selection, Options options)
    : documents_(std::move(documents)), selection_(std::move(selection)), options_(std::move(options)) {}

bool ViewBody::append_piece(std::string& out) {
    switch (state_) {
        case State::head:
            append_head(out);
            state_ = State::rows;
            return true;
        case State::rows:
            append_row(out);
            return state_ != State::stopped;
        case State::over:
        case State::stopped:
            break;
    }
    return false;
}

void ViewBody::go_on() noexcept {
    options_.stop_after.reset();
    if (state_ == State::stopped) state_ = State::rows;
}

void ViewBody::append_head(std::string& out) const {
    auto to = std::back_inserter(out);
    if (options_.dialect == Dialect::couchdb) {
        fmt::format_to(to, "{{\"total_rows\":{},\"offset\":{},\"rows\":[\r\n", documents_->size(), selection_.offset);
    } else {
        fmt::format_to(to, "{{\"total_rows\":{},\"rows\":[\r\n", documents_->size());
    }
}

std::optional<std::size_t> ViewBody::next_position() {
    while (range_ < selection_.ranges.size()) {
        RowRange& range = selection_.ranges[range_];
        if (range.size() > 0) return selection_.descending ? --range.end : range.begin++;
        ++range_;
    }
    return std::nullopt;
}

void ViewBody::append_row(std::string& out) {
    if (rows_ == options_.stop_after) {
        const bool abrupt = options_.last_words.empty();
        if (!abrupt) append_tail(out, options_.last_words);
        state_ = abrupt ? State::stopped : State::over;
        return;
    }
    const auto position = next_position();
    if (!position) {
        append_tail(out, {});
        state_ = State::over;
        return;
    }
    if (rows_++ > 0) out += ",\r\n";
    const auto row = documents_->row(*position);
    out.append("{\"id\":").append(row.id_json).append(",\"key\":").append(row.key);
    out.append(",\"value\":").append(row.value);
    if (options_.include_docs) {
        out += ",\"doc\":";
        if (row.doc.empty()) {
            out += "null";
        } else if (options_.dialect == Dialect::couchdb) {
            out += row.doc;
        } else {
            out.append("{\"meta\":{\"id\":").append(row.id_json).append("},\"json\":").append(row.doc).append("}");
        }
    }
    out += '}';
}

void ViewBody::append_tail(std::string& out, const std::string& members) const {
    if (rows_ > 0) out += "\r\n";
    out.append("]").append(members);
    out += options_.dialect == Dialect::couchdb ? "}\n" : "\r\n}\n";
}

}  // namespace plait::couch_async::detail
