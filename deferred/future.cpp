#include "plait/deferred/future.hpp"

namespace plait::detail {

bool future_has_ended(bool valid, std::future_status status) {
    if (!valid) throw InvalidState("from_future() was given an empty std::future: moved from, or its result taken.");
    if (status == std::future_status::deferred) {
        throw InvalidState(
            "from_future() was given a future of std::launch::deferred, which never starts by itself: use "
            "std::launch::async, or call the function.");
    }
    return status == std::future_status::ready;
}

}  // namespace plait::detail
