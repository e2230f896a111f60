// What a loop has to do with time.
#include <algorithm>
#include <deque>

#include "plait/reactor/detail/loop_lab.hpp"

namespace plait::detail {

namespace {

using namespace std::chrono_literals;
using Time = std::chrono::steady_clock;

void one_shot(LoopLab& lab) {
    WatchedTimer timer(lab);
    timer.set(1ms);
    lab.run_for(20ms);
    lab.expect(timer.times() == 1, "a timer was told " + std::to_string(timer.times()) + " times; it is one-shot");
    timer.set(1ms);
    lab.run_for(20ms);
    lab.expect(timer.times() == 2, "a timer that was told once cannot be watched again");
}

void never_early(LoopLab& lab) {
    WatchedTimer timer(lab, [&] { lab.stop(); });
    for (const auto delay : {0us, 100us, 900us, 1'100us, 2'500us, 7'000us}) {
        for (int round = 0; round < 3; ++round) {
            const Time::time_point start = Time::now();
            timer.set(delay);
            lab.run();
            const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Time::now() - start);
            lab.expect(took >= delay, "a timer of " + std::to_string(delay.count()) + " us was told after " +
                                          std::to_string(took.count()) + " us");
        }
    }
}

void counted_from_when_it_is_set(LoopLab& lab) {
    Time::time_point set, fired;
    WatchedTimer timer(lab, [&] {
        fired = Time::now();
        lab.stop();
    });
    WatchedTimer busy(lab, [&] {
        const Time::time_point end = Time::now() + 20ms;
        while (Time::now() < end) {
        }
        set = Time::now();
        timer.set(15ms);
    });
    busy.set(0us);
    lab.run();
    lab.expect(fired - set >= 15ms, "a timer that was set after a long callback counted from before it");
}

void by_deadline(LoopLab& lab) {
    constexpr int count = 50;
    std::vector<int> order;
    std::deque<WatchedTimer> timers;
    for (int i = 0; i < count; ++i) {
        const int due = (i * 37) % count;  // each once, mixed
        timers.emplace_back(lab, [&, due] {
            order.push_back(due);
            if (order.size() == count) lab.stop();
        });
        timers.back().set(std::chrono::microseconds(5'000 + due * 2'000));
    }
    lab.run();
    lab.expect(std::is_sorted(order.begin(), order.end()),
               "timers were told in another order than that of their deadlines");
}

void moved(LoopLab& lab) {
    WatchedTimer timer(lab, [&] { lab.stop(); });
    timer.set(1h);
    timer.set(1ms);
    lab.run();
    lab.expect(timer.times() == 1, "a timer that was moved to an earlier time was not told");
    timer.told = {};
    timer.set(1ms);
    timer.set(1h);
    lab.run_for(20ms);
    lab.expect(timer.times() == 1, "a timer that was moved to a later time was told at the earlier one");
}

void unwatched(LoopLab& lab) {
    WatchedTimer timer(lab);
    timer.set(1ms);
    timer.unwatch();
    lab.run_for(20ms);
    lab.expect(timer.times() == 0, "a timer was told although it was unwatched");
    WatchedTimer second(lab);
    WatchedTimer third(lab);
    second.told = [&] { third.unwatch(); };
    third.told = [&] { second.unwatch(); };
    second.set(1ms);
    third.set(1ms);
    const Time::time_point both_due = Time::now() + 2ms;
    while (Time::now() < both_due) {
    }
    lab.run_for(20ms);
    lab.expect(second.times() + third.times() == 1,
               "a timer that another one, due in the same pass, unwatched was told");
}

void set_again_while_told(LoopLab& lab) {
    WatchedTimer timer(lab);
    timer.told = [&] {
        if (timer.times() == 5) return lab.stop();
        timer.set(1ms);
    };
    timer.set(1ms);
    lab.run();
    lab.expect(timer.times() == 5, "a timer that was set again in its own ready() was not told");
}

void destroyed_while_told(LoopLab& lab) {
    for (int round = 0; round < 20; ++round) {
        std::unique_ptr<WatchedTimer> timer;
        timer = std::make_unique<WatchedTimer>(lab, [&] {
            timer.reset();
            lab.stop();
        });
        timer->set(0us);
        lab.run();
    }
}

void of_no_delay_and_descriptors(LoopLab& lab) {
    const TwoEnds ends = TwoEnds::sockets();
    ends.send();
    bool read = false;
    WatchedEvent event(lab, ends.near.get(), [&](IOFlags) {
        read = true;
        lab.stop();
    });
    event.watch(IOFlags::read);
    WatchedTimer timer(lab);
    timer.told = [&] {
        if (timer.times() == 1'000) return lab.stop();
        timer.set(0us);
    };
    timer.set(0us);
    lab.run();
    lab.expect(read, "a timer of no delay that is set again and again keeps the loop from its descriptors");
    timer.told = [&] { lab.stop(); };
    event.told = {};
    timer.set(0us);
    lab.run();
    lab.expect(timer.times() <= 1'001, "a timer of no delay was told more often than it was set");
}

void descriptors_and_due_timers(LoopLab& lab) {
    const TwoEnds ends = TwoEnds::sockets();
    ends.send();
    WatchedEvent always(lab, ends.near.get());  // never read
    always.watch(IOFlags::rw);
    WatchedTimer timer(lab, [&] { lab.stop(); });
    timer.set(2ms);
    lab.run();
    lab.expect(timer.times() == 1, "a descriptor that is always ready keeps the loop from its timers");
}

}  // namespace

std::vector<LoopCheck> timer_checks() {
    return {
        {"a timer is one-shot", one_shot},
        {"a timer is never early", never_early},
        {"a timer counts from when it is set", counted_from_when_it_is_set},
        {"timers by deadline", by_deadline},
        {"a timer moved", moved},
        {"a timer unwatched", unwatched},
        {"a timer set again while told", set_again_while_told},
        {"a timer destroyed while told", destroyed_while_told},
        {"timers of no delay, and descriptors", of_no_delay_and_descriptors},
        {"descriptors always ready, and timers", descriptors_and_due_timers},
    };
}

}  // namespace plait::detail
