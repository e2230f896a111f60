#include "plait/reactor/stall_detector.hpp"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "plait/deferred/contain.hpp"
#include "plait/deferred/errors.hpp"
#include "plait/deferred/type_name.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/detail/stack_capture.hpp"
#include "plait/reactor/detail/turn_watch.hpp"

namespace plait {

std::string Stall::text() const {
    const double milliseconds = std::chrono::duration<double, std::milli>(lasted).count();
    std::string text = over ? fmt::format("{} kept the reactor for {:.1f} ms", what, milliseconds)
                            : fmt::format("{} has kept the reactor for {:.1f} ms and goes on", what, milliseconds);
    if (over) return text;
    for (const std::string& frame : frames)
        text += "\n    at " + frame;
    return text;
}

class StallDetector::Watcher final : private detail::StallListener {
public:
    Watcher(Reactor& reactor, StallDetectorOptions options, Told told)
        : watch_(reactor.core().turn_watch()),
          limit_(options.limit),
          told_(std::move(told)),
          signal_(options.signal_number),
          reactor_thread_(::pthread_self()) {
        if (watch_.has_listener()) throw InvalidState("cannot watch a reactor for stalls: another StallDetector does");
        if (limit_ <= Duration::zero())
            throw std::invalid_argument("a StallDetector needs a limit above zero: every callback takes some time");
        thread_ = std::thread([this] { look_again_and_again(); });
        watch_.listen(this, limit_);  // last: if there is no thread to be had, nothing of us stays there
    }

    ~Watcher() {
        watch_.listen(nullptr, {});
        {
            const std::lock_guard lock(mutex_);
            ending_ = true;
        }
        end_.notify_one();
        thread_.join();
    }

private:
    void look_again_and_again() {
        std::unique_lock lock(mutex_);
        while (!end_.wait_for(lock, limit_ / 4, [this] { return ending_; }))
            look(lock);
    }

    /// Holds the lock but while it waits for the stack: the reactor's thread may need it to end its call.
    void look(std::unique_lock<std::mutex>& lock) {
        const std::int64_t began = watch_.began();
        if (began == 0 || began == seen_) return;
        const Duration lasted(watch_.now() - began);
        if (lasted < limit_) return;
        Stall stall = describe(lasted);
        lock.unlock();
        std::vector<void*> stack = signal_.stack_of(reactor_thread_);
        lock.lock();
        if (watch_.began() != began || ending_) return;  // it has ended meanwhile: the stack may be of anything
        seen_ = began;
        stack_ = std::move(stack);
        tell(std::move(stall));
    }

    void call_was_long(std::int64_t began, Duration lasted) noexcept override {
        contain([&] {
            const std::lock_guard lock(mutex_);
            Stall stall = describe(lasted);
            stall.over = true;
            if (seen_ != began) stack_.clear();
            tell(std::move(stall));
        });
    }

    Stall describe(Duration lasted) const {
        Stall stall;
        stall.lasted = lasted;
        stall.what = watch_.what();
        if (const std::type_info* of = watch_.of()) stall.what += " of " + readable_name(*of);
        return stall;
    }

    void tell(Stall stall) noexcept {
        contain([&] {
            stall.addresses = stack_;
            for (void* address : stack_)
                stall.frames.push_back(detail::describe_address(address));
            told_(stall);
        });
    }

    detail::TurnWatch& watch_;
    const Duration limit_;
    Told told_;
    detail::StackSignal signal_;
    const pthread_t reactor_thread_;

    std::mutex mutex_;
    std::condition_variable end_;
    bool ending_ = false;
    std::int64_t seen_ = 0;     ///< the call that has been told of
    std::vector<void*> stack_;  ///< of that call
    std::thread thread_;
};

StallDetector::StallDetector(Reactor& reactor, StallDetectorOptions options)
    : StallDetector(reactor, options,
                    [](const Stall& stall) { std::fprintf(stderr, "plait: %s\n", stall.text().c_str()); }) {}

StallDetector::StallDetector(Reactor& reactor, StallDetectorOptions options, Told told)
    : watcher_(std::make_unique<Watcher>(reactor, options, std::move(told))) {}

StallDetector::~StallDetector() = default;

}  // namespace plait
