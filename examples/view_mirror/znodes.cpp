#include "znodes.hpp"

#include <stdexcept>

#include "insist.hpp"

namespace view_mirror {

using plait::Deferred;
namespace zk = plait::zk;

Deferred<> ensure(zk::Client& zk, std::string path) {
    try {
        co_await insist([&zk, &path] { return zk.create(path); });
    } catch (const zk::NodeExists&) {
        co_return;
    } catch (const zk::NoNode&) {
        throw std::runtime_error("the znode " + path +
                                 " cannot be made, because the one above it does not exist: make " +
                                 "that first, or the chroot named in --zk");
    }
}

}  // namespace view_mirror
