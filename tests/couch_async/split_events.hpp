// Everything that a RowSplitter says about a body, as text to compare: however the body is cut, it must be the same.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plait/couch_async/view/row_splitter.hpp"
#include "plait/reactor/testing/cuts.hpp"

namespace plait::couch_async {

using plait::testing::cut_at_random;
using plait::testing::cut_every;
using plait::testing::ways_to_cut;

inline std::string describe(const ViewRow& row) {
    std::string said = "row ";
    const auto add = [&said](const char* name, std::string_view part) {
        said.append(" ").append(name).append("=").append(part);
    };
    add("raw", row.raw());
    add("id", row.id());
    add("id_json", row.id_json());
    add("key", row.key());
    add("value", row.value());
    add("doc", row.doc());
    add("error", row.error());
    return said + "\n";
}

inline std::string describe(const ViewMeta& meta) {
    const auto number = [](const auto& value) { return value ? std::to_string(*value) : std::string("-"); };
    std::string said =
        "meta " + meta.text + " total_rows=" + number(meta.total_rows) + " offset=" + number(meta.offset);
    for (const auto& error : meta.errors)
        said += " [" + error.from + ": " + error.reason + "]";
    return said + "\n";
}

inline std::string events(const std::vector<std::string>& pieces, SplitLimits limits = {}, BatchBound bound = {}) {
    RowSplitter splitter(limits);
    std::string said;
    const auto drain = [&] {
        for (;;) {
            Rows rows;
            const Split stopped = splitter.take(rows, bound);
            for (const ViewRow& row : rows)
                said += describe(row);
            if (stopped != Split::more) return stopped;
        }
    };
    for (const std::string& piece : pieces) {
        // Buffers of just the piece's size, so that the address sanitizer sees a read beyond it.
        for (Bytes bytes : {Bytes::copy(piece), Bytes()}) {
            splitter.feed(std::move(bytes));
            drain();
        }
    }
    splitter.finish();
    if (drain() == Split::done) return said + describe(splitter.meta());
    return said + to_string(splitter.error().fault()) + " at " + std::to_string(splitter.error().offset()) + "\n";
}

}  // namespace plait::couch_async
