// Linked into every test of what stands on a reactor: a `Reactor reactor;` is then on the loop that the environment
// variable PLAIT_TEST_LOOP names; libev's without it.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "plait/reactor/detail/default_loop.hpp"
#include "plait/reactor/loops/epoll_loop.hpp"
#include "plait/reactor/loops/poll_loop.hpp"
#ifdef PLAIT_TEST_UV_LOOP
#include "plait/reactor/loops/uv_loop.hpp"
#endif
#ifdef PLAIT_TEST_ASIO_LOOP
#include "plait/reactor/loops/asio_loop.hpp"
#endif

namespace {

using plait::IOPS;

struct Choice {
    std::string_view name;
    plait::detail::LoopMaker maker;
};

template <typename Loop>
std::unique_ptr<IOPS> make() {
    return std::make_unique<Loop>();
}

constexpr std::array choices{
    Choice{"", nullptr},
    Choice{"libev", nullptr},
    Choice{"epoll", make<plait::EpollLoop>},
    Choice{"poll", make<plait::PollLoop>},
#ifdef PLAIT_TEST_UV_LOOP
    Choice{"uv", make<plait::UvLoop>},
#endif
#ifdef PLAIT_TEST_ASIO_LOOP
    Choice{"asio", make<plait::AsioLoop>},
#endif
};

/// Ends the program when it was asked for a loop that is not built: a run on another would prove nothing.
[[maybe_unused]] const bool chosen = [] {
    const char* const asked = std::getenv("PLAIT_TEST_LOOP");
    const std::string_view name = asked == nullptr ? "" : asked;
    for (const Choice& choice : choices) {
        if (choice.name != name) continue;
        plait::detail::exchange_default_loop(choice.maker);
        return true;
    }
    std::fprintf(stderr, "PLAIT_TEST_LOOP=%s: these tests were built without such a loop\n", asked);
    std::exit(EXIT_FAILURE);
}();

}  // namespace
