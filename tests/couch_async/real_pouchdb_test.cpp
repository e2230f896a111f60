// Views of a server that nobody here wrote: express-pouchdb, over TCP.
#define BOOST_TEST_MODULE real_pouchdb
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <functional>

#include <fmt/format.h>

#include "plait/couch_async/errors.hpp"
#include "plait/couch_async/view/async_view_base.hpp"
#include "plait/couch_async/view/collect_rows.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/testing/boost_test.hpp"
#include "plait/tests/support/couch_server.hpp"

using namespace plait;
using namespace plait::couch_async;
using namespace std::chrono_literals;

namespace {

constexpr int many = 2100;

std::string name(int number) {
    return fmt::format("p-{:05}", number);
}

/// Documents with a section each, and views of them: by name, by section (many rows of one key), counted.
struct Loaded {
    Loaded() {
        server.create_database("packages");
        for (int from = 0; from < many; from += 700) {
            std::vector<std::string> documents;
            for (int i = from; i < from + 700; ++i)
                documents.push_back(fmt::format(R"({{"_id":"{}","section":"s{}","text":"g\u00fcltig {}","size":{}}})",
                                                name(i), i % 7, std::string(static_cast<std::size_t>(i % 300), 'x'),
                                                i));
            server.load("packages", documents);
        }
        server.put("/packages/_design/d", R"({"views":{
            "by_name":{"map":"function(doc) { emit(doc._id, {size: doc.size, text: doc.text}); }"},
            "by_section":{"map":"function(doc) { emit([doc.section, doc.size], null); }"},
            "counted":{"map":"function(doc) { emit(doc.section, 1); }","reduce":"_count"}}})");
        // The first query of a view builds its index, which takes this server seconds.
        for (const char* view : {"by_name", "by_section", "counted"})
            server.request("GET", fmt::format("/packages/_design/d/_view/{}?limit=1", view));
    }

    support::CouchServer server;
};

struct Fixture : plait::testing::CleanReactor {
    static Loaded& loaded() {
        static Loaded once;
        return once;
    }

    ViewClient client{reactor, loaded().server.url() + "/packages"};

    CollectedView collect(const char* view, ViewQuery query = {}) {
        return await(collect_rows(client, {"d", view}, std::move(query)));
    }
};

class Stream final : public AsyncViewBase {
public:
    Stream(const ViewClient& client, Clock& clock, ViewOptions options)
        : AsyncViewBase(client, {"d", "by_name"}, {}, options), clock_(clock) {}
    ~Stream() override { cancel(); }

    std::vector<std::string> ids;
    std::size_t largest = 0;
    int batches = 0;
    std::function<void()> when_rows = [] {};

private:
    Deferred<> on_rows(Rows rows) override {
        when_rows();
        for (const auto& row : rows)
            ids.emplace_back(row.id());
        largest = std::max(largest, rows.size());
        return ++batches % 4 == 0 ? clock_.sleep(1ms) : succeed();
    }

    Clock& clock_;
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(every_row_is_streamed_once_and_in_order, Fixture) {
    ViewOptions options;
    options.batch.rows = 100;
    Stream view(client, reactor, options);
    const ViewMeta meta = await(view.start());
    BOOST_TEST(*meta.total_rows == static_cast<std::uint64_t>(many));
    BOOST_TEST(*meta.offset == 0U);
    BOOST_REQUIRE(view.ids.size() == static_cast<std::size_t>(many));
    for (int i = 0; i < many; ++i)
        BOOST_REQUIRE(view.ids[static_cast<std::size_t>(i)] == name(i));
    BOOST_TEST(view.largest == 100U);
}

BOOST_FIXTURE_TEST_CASE(values_come_as_the_server_wrote_them, Fixture) {
    const auto view = collect("by_name", ViewQuery().key("\"p-00003\""));
    BOOST_REQUIRE(view.rows.size() == 1U);
    BOOST_TEST(view.rows[0].key == "\"p-00003\"");
    BOOST_TEST(view.rows[0].value == "{\"size\":3,\"text\":\"g\xc3\xbcltig xxx\"}");
    BOOST_TEST(view.rows[0].doc == "");
}

BOOST_FIXTURE_TEST_CASE(ranges_limits_and_order_are_understood, Fixture) {
    const auto range = collect("by_section", ViewQuery().startkey(R"(["s3"])").endkey(R"(["s3",{}])"));
    BOOST_TEST(range.rows.size() == static_cast<std::size_t>(many / 7));
    for (const auto& row : range.rows)
        BOOST_REQUIRE(row.key.starts_with("[\"s3\","));

    const auto last = collect("by_name", ViewQuery().descending(true).limit(3).skip(1));
    BOOST_REQUIRE(last.rows.size() == 3U);
    BOOST_TEST(last.rows[0].id == name(many - 2));

    const auto none = collect("by_name", ViewQuery().limit(0));
    BOOST_TEST(none.rows.empty());
    BOOST_TEST(*none.meta.total_rows == static_cast<std::uint64_t>(many));
}

BOOST_FIXTURE_TEST_CASE(documents_can_be_included, Fixture) {
    const auto view = collect("by_name", ViewQuery().include_docs(true).limit(2));
    BOOST_REQUIRE(view.rows.size() == 2U);
    BOOST_TEST(view.rows[1].doc.find("\"_id\":\"p-00001\"") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(keys_too_many_for_an_address_are_posted, Fixture) {
    std::vector<std::string> keys;
    for (int i = 0; i < 1000; ++i)
        keys.push_back(fmt::format("\"{}\"", name(i * 2)));
    const auto view = collect("by_name", ViewQuery().keys(keys));
    BOOST_REQUIRE(view.rows.size() == 1000U);
    BOOST_TEST(view.rows[999].id == name(1998));
}

BOOST_FIXTURE_TEST_CASE(reduced_rows_have_no_ids, Fixture) {
    const auto groups = collect("counted", ViewQuery().group(true));
    BOOST_REQUIRE(groups.rows.size() == 7U);
    BOOST_TEST(groups.rows[0].id == "");
    BOOST_TEST(groups.rows[0].key == "\"s0\"");
    BOOST_TEST(!groups.meta.total_rows);
    BOOST_TEST(collect("counted").rows[0].value == std::to_string(many));
}

BOOST_FIXTURE_TEST_CASE(what_does_not_exist_is_said_by_name, Fixture) {
    const auto missing = [this](const ViewClient& at, ViewSpec spec) {
        try {
            await(collect_rows(at, std::move(spec)));
        } catch (const ViewNotFound& error) {
            BOOST_TEST(error.error() == "not_found");
            return std::string(error.what());
        }
        return std::string("found");
    };
    BOOST_TEST(missing(client, {"d", "other"}).find("_view/other") != std::string::npos);
    BOOST_TEST(missing(client, {"other", "by_name"}).find("_design/other") != std::string::npos);
    ViewClient nowhere(reactor, loaded().server.url() + "/nowhere");
    BOOST_TEST(missing(nowhere, {"d", "by_name"}).find("/nowhere/") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_wrong_query_is_refused, Fixture) {
    const auto backwards = ViewQuery().startkey("\"b\"").endkey("\"a\"");
    BOOST_CHECK_THROW(collect("by_name", backwards), BadViewQuery);
}

BOOST_FIXTURE_TEST_CASE(a_server_killed_in_the_middle_is_an_error, Fixture) {
    support::CouchServer dying;
    dying.create_database("packages");
    std::vector<std::string> documents;
    for (int i = 0; i < 400; ++i)
        documents.push_back(fmt::format(R"({{"_id":"{}","text":"{}"}})", name(i), std::string(40'000, 'x')));
    for (std::size_t from = 0; from < documents.size(); from += 20)
        dying.load("packages", {documents.begin() + static_cast<std::ptrdiff_t>(from),
                                documents.begin() + static_cast<std::ptrdiff_t>(from) + 20});
    dying.put("/packages/_design/d", R"({"views":{"by_name":{"map":"function(doc) { emit(doc._id, doc.text); }"}}})");
    dying.request("GET", "/packages/_design/d/_view/by_name?limit=1");

    ViewClient there(reactor, dying.url() + "/packages");
    ViewOptions options;
    options.batch.rows = 10;
    Stream view(there, reactor, options);
    auto first_rows = make_deferred<>();
    view.when_rows = [&] {
        if (!first_rows.promise.wanted()) return;
        view.pause();
        first_rows.promise.callback();
    };
    auto running = view.start();
    await(std::move(first_rows.deferred));
    dying.kill();
    view.resume();
    BOOST_CHECK_THROW(await(std::move(running)), TruncatedBody);
    BOOST_TEST(view.ids.size() < 400U);
    for (std::size_t i = 0; i < view.ids.size(); ++i)
        BOOST_REQUIRE(view.ids[i] == name(static_cast<int>(i)));

    Stream again(there, reactor, options);
    BOOST_CHECK_THROW(await(again.start()), ConnectionRefused);
}
