// World: a clock, a network, a view server and a client of it, all in memory; and classes that write down what a stream
// tells them.
#pragma once

#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "plait/couch_async/errors.hpp"
#include "plait/couch_async/testing/view_server.hpp"
#include "plait/couch_async/view/async_view_base.hpp"
#include "plait/reactor/testing/boost_test.hpp"

namespace plait::couch_async::testing {

using namespace std::chrono_literals;
using plait::testing::failure_of;
using plait::testing::no_result;
using plait::testing::success_of;

inline std::string doc_id(int number) {
    return fmt::format("doc-{:05}", number);
}

/// doc-00000, doc-00001, ...: key is the id, value `{"n":0,"pad":"xxx"}`.
inline ViewDocuments numbered(int count, std::size_t padding = 3) {
    ViewDocuments documents;
    const std::string pad(padding, 'x');
    for (int i = 0; i < count; ++i)
        documents.add(doc_id(i), fmt::format(R"({{"n":{},"pad":"{}"}})", i, pad));
    return documents;
}

inline std::vector<std::string> numbered_ids(int count) {
    std::vector<std::string> ids;
    for (int i = 0; i < count; ++i)
        ids.push_back(doc_id(i));
    return ids;
}

/// The view is /db/_design/d/_view/v at couch:5984.
struct World : plait::testing::CleanMemoryReactor {
    explicit World(ViewServerOptions options = {})
        : dialect(options.dialect),
          server(clock, std::move(options)),
          client(clock, network.connector(), "http://couch:5984/db", dialect) {
        network.listen({"couch", 5984}, server.factory());
    }

    void teardown() {
        pass(1min);  // what the server delays
        CleanMemoryReactor::teardown();
    }

    Dialect dialect;
    ViewServer server;
    ViewClient client;
};

/// Writes down every callback: "rows 2", "error", "done". Lives on when the Recorder is destroyed.
struct Record {
    std::vector<std::string> events;
    std::vector<std::string> ids;
    std::string rows_text;  // every row as it came, one a line
    std::vector<std::size_t> batches;
    std::optional<Failure> error;
    std::optional<ViewMeta> meta;

    template <typename E>
    const E* error_as() const {
        return error ? error->check<E>() : nullptr;
    }
    std::string terminals() const {
        std::string text;
        for (const auto& event : events)
            if (event != "rows") text += event + " ";
        return text;
    }
};

class Recorder : public AsyncViewBase {
public:
    Recorder(const ViewClient& client, ViewQuery query = {}, ViewOptions options = {}, ViewSpec spec = {"d", "v"})
        : AsyncViewBase(client, std::move(spec), std::move(query), options), record(std::make_shared<Record>()) {}

    const std::shared_ptr<Record> record;
    /// Run inside the callbacks, after they were written down.
    std::function<Deferred<>()> in_rows;
    std::function<void()> in_error;
    std::function<void()> in_done;

private:
    Deferred<> on_rows(Rows rows) override {
        const auto keep = record;
        keep->events.push_back("rows");
        keep->batches.push_back(rows.size());
        for (const auto& row : rows) {
            keep->ids.emplace_back(row.id());
            keep->rows_text.append(row.raw()).append("\n");
        }
        const auto hook = in_rows;
        return hook ? hook() : succeed();
    }
    void on_error(const Failure& failure) override {
        const auto keep = record;
        keep->events.push_back("error");
        keep->error = failure;
        const auto hook = in_error;
        if (hook) hook();
    }
    void on_done(const ViewMeta& meta) override {
        const auto keep = record;
        keep->events.push_back("done");
        keep->meta = meta;
        const auto hook = in_done;
        if (hook) hook();
    }
};

/// on_rows() Deferreds that fire when the test says so.
class Gate {
public:
    Deferred<> wait() {
        auto [deferred, promise] = make_deferred<>([this] { ++dropped; });
        promise_ = std::move(promise);
        ++waits;
        return std::move(deferred);
    }
    bool waiting() const { return promise_.wanted(); }
    void open() {
        auto promise = std::move(promise_);
        promise.callback();
    }
    void fail(Failure failure) {
        auto promise = std::move(promise_);
        promise.errback(std::move(failure));
    }

    int waits = 0;
    int dropped = 0;

private:
    Promise<> promise_;
};

}  // namespace plait::couch_async::testing
