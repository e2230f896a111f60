// QueryServer: what a mirror holds, over a TCP port, a line each: `count`, `get <docid>`, `status`, `quit`.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "plait/reactor/protocol.hpp"

namespace view_mirror {

class Store;

/// What the server answers from. Lifetime: must outlive the connections.
struct Answers {
    /// The store of the moment.
    std::function<const Store&()> store;
    /// One line.
    std::function<std::string()> status;
};

/// A Factory for `listen_tcp`.
///
///     > count
///     < 63666
///     > get zlib1g_1:1.2.13.dfsg-1_amd64
///     < {"id":"zlib1g_1:1.2.13.dfsg-1_amd64","key":"zlib1g","value":{...}}     each row of the document, then
///     < .
///     > status
///     < role=leader rows=63666 repeated=0 complete=yes term=0000000001 name=a
///     > quit                                                                   closes the connection
///
/// Anything else is answered with a line that starts with `error:`.
std::shared_ptr<plait::Factory> make_query_factory(Answers answers);

}  // namespace view_mirror
