#include "plait/couch_async/view/collect_rows.hpp"

#include <utility>

#include <fmt/format.h>

#include "plait/couch_async/errors.hpp"
#include "plait/couch_async/view/async_view_base.hpp"

namespace plait::couch_async {
namespace {

class Collector final : public AsyncViewBase {
public:
    Collector(const ViewClient& client, ViewSpec spec, ViewQuery query, const ViewOptions& options,
              const CollectLimits& limits)
        : AsyncViewBase(client, std::move(spec), std::move(query), options), limits_(limits) {}

    std::vector<CollectedRow> take() { return std::move(rows_); }

private:
    Deferred<> on_rows(Rows batch) override {
        bytes_ += batch.bytes();
        if (rows_.size() + batch.size() > limits_.rows || bytes_ > limits_.bytes)
            throw TooManyRows(
                fmt::format("the view has more than the {} rows or {} bytes that were to be collected; "
                            "raise CollectLimits, ask with a limit, or derive from AsyncViewBase",
                            limits_.rows, limits_.bytes));
        for (const auto& row : batch)
            rows_.push_back({std::string(row.id()), std::string(row.key()), std::string(row.value()),
                             std::string(row.doc()), std::string(row.error())});
        return succeed();
    }

    CollectLimits limits_;
    std::size_t bytes_ = 0;
    std::vector<CollectedRow> rows_;
};

}  // namespace

Deferred<CollectedView> collect_rows(ViewClient client, ViewSpec spec, ViewQuery query, CollectLimits limits,
                                     ViewOptions options) {
    Collector collector(client, std::move(spec), std::move(query), options, limits);
    auto outcome = collector.start();
    CollectedView view;
    view.meta = co_await std::move(outcome);
    view.rows = collector.take();
    co_return view;
}

}  // namespace plait::couch_async
