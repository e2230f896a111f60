// ViewBody: the JSON of a view's answer, made as it is needed. No HTTP, no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "plait/couch_async/detail/served_query.hpp"
#include "plait/couch_async/dialect.hpp"

namespace plait::couch_async::detail {

/// Writes an envelope piece by piece: a head, rows, a tail.
class ViewBody {
public:
    struct Options {
        Dialect dialect = Dialect::couchdb;
        bool include_docs = false;
        /// Stop after so many rows, if there are as many.
        std::optional<std::uint64_t> stop_after;
        /// At the stop: these members follow the rows and the envelope ends properly. Empty: it just stops.
        std::string last_words;
    };

    ViewBody(std::shared_ptr<const testing::ViewDocuments> documents, Selection selection, Options options);

    /// Appends one piece: the head, one row with what separates it from the one before, or the tail.
    /// False when there was nothing left to append.
    bool append_piece(std::string& out);

    /// The end was reached early, as `stop_after` asked, and without last words.
    bool stopped() const noexcept { return state_ == State::stopped; }

    /// After stopped(): the rest follows after all.
    void go_on() noexcept;

    std::uint64_t rows_written() const noexcept { return rows_; }

private:
    enum class State : std::uint8_t { head, rows, over, stopped };

    void append_head(std::string& out) const;
    void append_row(std::string& out);
    void append_tail(std::string& out, const std::string& members) const;
    std::optional<std::size_t> next_position();

    std::shared_ptr<const testing::ViewDocuments> documents_;
    Selection selection_;
    Options options_;
    std::size_t range_ = 0;
    std::uint64_t rows_ = 0;
    State state_ = State::head;
};

}  // namespace plait::couch_async::detail
