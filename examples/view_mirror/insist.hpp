// insist(): repeats a ZooKeeper call for as long as its connection breaks under it.
#pragma once

#include <type_traits>

#include "plait/deferred/deferred.hpp"
#include "plait/zk/error.hpp"

namespace view_mirror {

/// What `call()` gives, repeated while it fails with ConnectionLoss. A repeated call waits in the client until there is
/// a connection again, so this does not spin. For reads, and for writes that may be done twice.
template <typename Call>
std::invoke_result_t<Call&> insist(Call call) {
    for (;;) {
        try {
            co_return co_await call();
        } catch (const plait::zk::ConnectionLoss&) {
            continue;
        }
    }
}

}  // namespace view_mirror
