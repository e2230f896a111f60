// A libuv program with Plait's clients in its loop: the loop is libuv's default one, the program runs it, and has a
// timer of its own in it.
//
//     uv_program ZOOKEEPER DATABASE
#include <uv.h>

#include <cstdio>

#include "count_rows.hpp"
#include "plait/reactor/loops/uv_loop.hpp"

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: %s ZOOKEEPER DATABASE\n", argv[0]);
        return 2;
    }
    uv_loop_t* const loop = uv_default_loop();

    int beats = 0;
    uv_timer_t heart;
    heart.data = &beats;
    uv_timer_init(loop, &heart);
    uv_timer_start(&heart, [](uv_timer_t* timer) { ++*static_cast<int*>(timer->data); }, 2, 2);

    int status = 1;
    {
        plait::UvLoop below(loop);
        plait::Reactor reactor(below);
        const plait::Deferred<> counting =
            count_rows(reactor, argv[1], argv[2]).add_both([&](plait::Result<std::string> ended) {
                if (ended.has_value()) {
                    std::printf("%s rows, and the heart went on: %s\n", ended.value().c_str(),
                                beats > 0 ? "yes" : "no");
                    status = 0;
                } else {
                    std::fprintf(stderr, "%s\n", ended.failure().message().c_str());
                }
                uv_stop(loop);
            });
        uv_run(loop, UV_RUN_DEFAULT);
    }

    // What was closed, here and in ~UvLoop, is gone once the loop has run again.
    uv_close(reinterpret_cast<uv_handle_t*>(&heart), nullptr);
    uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop) == 0 ? status : 1;
}
