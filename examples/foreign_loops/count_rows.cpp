#include "count_rows.hpp"

#include "plait/couch_async/view/async_view_base.hpp"
#include "plait/zk/client.hpp"

namespace {

/// Every row as it arrives; none is kept.
class RowCount final : public plait::couch_async::AsyncViewBase {
public:
    using AsyncViewBase::AsyncViewBase;

private:
    plait::Deferred<> on_rows(plait::couch_async::Rows) override { return plait::succeed(); }
};

}  // namespace

plait::Deferred<std::string> count_rows(plait::Reactor& reactor, std::string zookeeper, std::string database) {
    plait::zk::Client zk(reactor, zookeeper);
    co_await zk.connect();
    const plait::zk::Node view = co_await zk.get("/view");

    const plait::couch_async::ViewClient client(reactor, database);
    RowCount rows(client, {"d", view.data.str()});
    co_await rows.start();

    const std::string count = std::to_string(rows.rows_returned());
    co_await zk.create("/rows", count);
    co_await zk.close();
    co_return count;
}
