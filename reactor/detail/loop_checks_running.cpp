// How a loop has to run, end, wait, and tell of its passes.
#include <sys/time.h>

#include <csignal>
#include <ctime>

#include "plait/reactor/detail/loop_lab.hpp"

namespace plait::detail {

namespace {

using namespace std::chrono_literals;

void stopped_and_run_again(LoopLab& lab) {
    const TwoEnds ends = TwoEnds::sockets();
    ends.send();
    WatchedEvent event(lab, ends.near.get(), [&](IOFlags) { lab.stop(); });
    event.watch(IOFlags::read);
    for (int round = 1; round <= 3; ++round) {
        lab.run();
        lab.expect(event.times() >= round, "start_watching() returned before stop_watching() was called");
        lab.expect(event.times() < round + 3, "the loop ran on after stop_watching()");
    }
}

void stopped_before_it_runs(LoopLab& lab) {
    lab.stop();
    WatchedTimer timer(lab, [&] { lab.stop(); });
    timer.set(2ms);
    lab.run();
    lab.expect(timer.times() == 1, "stop_watching() outside start_watching() ended the next run");
}

std::chrono::nanoseconds processor_time() {
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

void idle(LoopLab& lab) {
    const TwoEnds ends = TwoEnds::sockets();
    WatchedEvent event(lab, ends.near.get());
    event.watch(IOFlags::read);
    WatchedTimer far(lab);
    far.set(1h);
    // One that spins does so each time. The kernel now and then books somebody else's time on one that waits.
    bool waits = false;
    for (int tries = 0; tries < 3 && !waits; ++tries) {
        const auto before = processor_time();
        lab.run_for(120ms);
        // Others may want the processor, too: one that spins does not get all of it.
        waits = processor_time() - before < 10ms;
    }
    lab.expect(waits, "the loop spends processor time while it has nothing to do");
    lab.expect(event.times() == 0 && far.times() == 0, "an idle loop told of something");
}

void many_signals(LoopLab& lab) {
    struct sigaction ignore{};
    ignore.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &ignore, nullptr);  // no SA_RESTART: system calls end with EINTR
    const itimerval often{{0, 1'000}, {0, 1'000}};
    ::setitimer(ITIMER_REAL, &often, nullptr);
    const TwoEnds ends = TwoEnds::sockets();
    WatchedEvent event(lab, ends.near.get());
    event.watch(IOFlags::read);
    WatchedTimer timer(lab, [&] { lab.stop(); });
    timer.set(20ms);
    lab.run();
    const itimerval never{};
    ::setitimer(ITIMER_REAL, &never, nullptr);
    lab.expect(timer.times() == 1 && event.times() == 0, "a signal ended start_watching(), or was told as an event");
}

struct Passes final : PassHandler {
    explicit Passes(LoopLab& its_lab) : lab(its_lab) {}
    void pass_begins() noexcept override {
        lab.expect(!open, "a pass began in another");
        open = true;
        ++count;
    }
    void pass_ends() noexcept override {
        lab.expect(open, "a pass ended that had not begun");
        open = false;
    }
    LoopLab& lab;
    int count = 0;
    bool open = false;
};

void passes(LoopLab& lab) {
    Passes told(lab);
    lab.loop().watch_passes(&told);
    const TwoEnds ends = TwoEnds::sockets();
    ends.send();
    WatchedEvent event(lab, ends.near.get());
    WatchedTimer timer(lab);
    bool outside = false;
    event.told = [&](IOFlags) {
        outside = outside || !told.open;
        timer.set(0us);
    };
    timer.told = [&] {
        outside = outside || !told.open;
        if (timer.times() == 10) lab.stop();
    };
    event.watch(IOFlags::read);
    lab.run();
    if (told.count == 0) return;  // this loop does not tell; it need not
    lab.expect(!outside, "ready() was called outside a pass");
    lab.expect(!told.open, "start_watching() returned in the middle of a pass");
    lab.loop().watch_passes(nullptr);
    const int before = told.count;
    lab.run_for(5ms);
    lab.expect(told.count == before, "passes were told after watch_passes(nullptr)");
}

}  // namespace

std::vector<LoopCheck> running_checks() {
    return {
        {"stopped, and run again", stopped_and_run_again},
        {"stopped before it runs", stopped_before_it_runs},
        {"idle", idle},
        {"signals while it waits", many_signals},
        {"passes", passes},
    };
}

}  // namespace plait::detail
