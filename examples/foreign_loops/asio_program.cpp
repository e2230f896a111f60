// An Asio program with Plait's clients in its io_context: the program runs it, and has a timer and a signal handler of
// its own in it. Ctrl-C ends the work in good order.
//
//     asio_program ZOOKEEPER DATABASE
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>

#include "count_rows.hpp"
#include "plait/reactor/loops/asio_loop.hpp"

namespace {

/// Beats until it is destroyed.
class Heart {
public:
    explicit Heart(asio::io_context& context) : timer_(context) { wait(); }

    int beats() const { return beats_; }

private:
    void wait() {
        timer_.expires_after(std::chrono::milliseconds(2));
        timer_.async_wait([this](const asio::error_code& ended) {
            if (ended) return;
            ++beats_;
            wait();
        });
    }

    asio::steady_timer timer_;
    int beats_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: %s ZOOKEEPER DATABASE\n", argv[0]);
        return 2;
    }
    asio::io_context context;
    const Heart heart(context);
    asio::signal_set interrupt(context, SIGINT);

    plait::AsioLoop below(context);
    plait::Reactor reactor(below);
    int status = 1;
    plait::Deferred<> counting = count_rows(reactor, argv[1], argv[2]).add_both([&](plait::Result<std::string> ended) {
        if (ended.has_value()) {
            std::printf("%s rows, and the heart went on: %s\n", ended.value().c_str(),
                        heart.beats() > 0 ? "yes" : "no");
            status = 0;
        } else {
            std::fprintf(stderr, "%s\n", ended.failure().message().c_str());
        }
        context.stop();
    });
    interrupt.async_wait([&](const asio::error_code& ended, int) {
        if (!ended) counting.cancel();
    });
    context.run();
    return status;
}
