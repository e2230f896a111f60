#include "plait/reactor/loops/uv_loop.hpp"

#include <fcntl.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "plait/deferred/errors.hpp"
#include "plait/deferred/unhandled.hpp"
#include "plait/reactor/detail/loop_timers.hpp"
#include "plait/reactor/detail/pass_teller.hpp"
#include "plait/reactor/detail/shared_watch.hpp"

namespace plait {

namespace {

// libuv counts READABLE 1 and WRITABLE 2 where the seam counts 2 and 4.
static_assert(UV_READABLE * 2 == static_cast<int>(IOFlags::read) &&
              UV_WRITABLE * 2 == static_cast<int>(IOFlags::write));

template <typename Handle>
uv_handle_t* base(Handle& handle) noexcept {
    return reinterpret_cast<uv_handle_t*>(&handle);  // libuv's own way to its base
}

void must(int status, const char* what) {
    if (status < 0) throw std::runtime_error(std::string("libuv refused ") + what + ": " + uv_strerror(status));
}

// A handle's close callback may close another.
constexpr int turns_to_close = 8;

bool is_open(int fd) noexcept {
    return ::fcntl(fd, F_GETFD) >= 0;
}

/// One descriptor in a libuv loop. Lives until libuv has let go of its handle, which may be after the UvLoop.
class UvWatch final : public detail::SharedWatch, public std::enable_shared_from_this<UvWatch> {
public:
    enum class Kind {
        unknown,
        polled,
        always_ready,  // a regular file
        refused,       // not open, or somebody else's in this loop
    };

    UvWatch(int fd, detail::PassTeller& passes) noexcept : fd_(fd), passes_(passes) {}

    /// Watched for something, but libuv will not tell of it.
    bool needs_telling() const noexcept {
        return any(wanted()) && (kind_ == Kind::always_ready || kind_ == Kind::refused);
    }
    IOFlags happened() const noexcept { return kind_ == Kind::refused ? IOFlags::error : IOFlags::rw; }

    /// Has libuv watch what the events want, if it can.
    void apply(uv_loop_t* loop) noexcept {
        const IOFlags flags = wanted();
        if (!any(flags)) return stop();
        if (kind_ == Kind::unknown || kind_ == Kind::refused) open(loop);
        // libuv aborts the program when it finds out itself.
        if (!is_open(fd_)) refuse();
        if (kind_ != Kind::polled || flags == started_) return;
        if (uv_poll_start(&handle_, static_cast<int>(flags) / 2, &UvWatch::came) < 0) return refuse();
        started_ = flags;
    }

    /// The last that is asked of it.
    void close() noexcept {
        if (!has_handle_) return;
        keep_ = shared_from_this();
        uv_close(base(handle_), [](uv_handle_t* handle) { of(handle).keep_.reset(); });
    }

    bool listed = false;  ///< Among those that the loop tells by itself.

private:
    static UvWatch& of(uv_handle_t* handle) noexcept { return *static_cast<UvWatch*>(handle->data); }

    void open(uv_loop_t* loop) noexcept {
        if (has_handle_) {
            kind_ = Kind::polled;
            return;
        }
        const int status = uv_poll_init(loop, &handle_, fd_);
        kind_ = status == 0 ? Kind::polled : status == UV_EPERM ? Kind::always_ready : Kind::refused;
        if (status != 0) return;
        has_handle_ = true;
        handle_.data = this;
    }

    void stop() noexcept {
        if (!any(started_)) return;
        uv_poll_stop(&handle_);
        started_ = IOFlags::none;
    }

    void refuse() noexcept {
        stop();
        kind_ = Kind::refused;
    }

    static void came(uv_poll_t* handle, int status, int events) {
        UvWatch& watch = of(base(*handle));
        const std::shared_ptr<UvWatch> alive = watch.shared_from_this();
        auto flags = static_cast<IOFlags>((events & (UV_READABLE | UV_WRITABLE)) * 2);
        if (status < 0) {
            // A failed connection. libuv has stopped watching, but the seam is told until it says so.
            flags = IOFlags::rw;
            watch.started_ = IOFlags::none;
            watch.apply(handle->loop);
        }
        watch.passes_.begin();
        watch.tell(flags);
        watch.apply(handle->loop);
    }

    int fd_;
    detail::PassTeller& passes_;  // the loop's; libuv calls back no more once that is gone
    Kind kind_ = Kind::unknown;
    bool has_handle_ = false;
    IOFlags started_ = IOFlags::none;
    uv_poll_t handle_;
    std::shared_ptr<UvWatch> keep_;
};

}  // namespace

struct UvLoop::State {
    using Time = detail::LoopTimers::Time;

    /// What the loop needs for itself. Freed when libuv has let go of all of them.
    struct Handles {
        uv_timer_t timer;
        uv_idle_t at_once;
        uv_prepare_t prepare;
        uv_check_t check;
        int open = 0;
    };

    State(uv_loop_t* given, std::unique_ptr<uv_loop_t> its_own) : loop(given), own(std::move(its_own)) {
        auto made = std::make_unique<Handles>();
        must(uv_timer_init(loop, &made->timer), "a timer");
        uv_idle_init(loop, &made->at_once);
        uv_prepare_init(loop, &made->prepare);
        uv_check_init(loop, &made->check);
        handles = made.release();
        for (uv_handle_t* handle : all())
            handle->data = this;
        handles->open = static_cast<int>(all().size());
        // These two do not keep the loop alive: only what they surround does.
        uv_unref(base(handles->prepare));
        uv_unref(base(handles->check));
    }

    State(const State&) = delete;
    State& operator=(const State&) = delete;

    ~State() {
        for (const auto& [fd, watch] : watches)
            watch->close();
        for (uv_handle_t* handle : all()) {
            handle->data = handles;
            uv_close(handle, [](uv_handle_t* closed) {
                auto* const these = static_cast<Handles*>(closed->data);
                if (--these->open == 0) delete these;
            });
        }
        if (own != nullptr) close_own_loop();
    }

    /// Ours are gone after one turn, and of others what is closing already.
    void close_own_loop() noexcept {
        for (int turn = 0; turn < turns_to_close; ++turn) {
            uv_run(own.get(), UV_RUN_NOWAIT);
            if (uv_loop_close(own.get()) == 0) return;
        }
        [[maybe_unused]] const auto* const left = own.release();  // what is left in it points to it
        report_unhandled_failure(make_failure(
            UsageError("a UvLoop with a libuv loop of its own was destroyed with handles or requests of yours open in "
                       "that; it is left to them, and is not run any more: close them before")));
    }

    std::array<uv_handle_t*, 4> all() const noexcept {
        return {base(handles->timer), base(handles->at_once), base(handles->prepare), base(handles->check)};
    }

    // --- descriptors

    UvWatch& watch_of(detail::SharedEvent& event) {
        if (event.watch != nullptr) return static_cast<UvWatch&>(*event.watch);
        std::shared_ptr<UvWatch>& watch = watches[event.fileno()];
        if (watch == nullptr) watch = std::make_shared<UvWatch>(event.fileno(), passes);
        watch->join(event);
        return *watch;
    }

    void want(detail::SharedEvent& event, IOFlags flags) {
        UvWatch& watch = watch_of(event);
        watch.want(event, flags);
        watch.apply(loop);
        if (!watch.needs_telling() || watch.listed) return;
        unpolled.push_back(watch.shared_from_this());
        watch.listed = true;
        arm();
    }

    void forget(detail::SharedEvent& event) noexcept {
        if (event.watch == nullptr) return;
        auto& watch = static_cast<UvWatch&>(*event.watch);
        watch.leave(event);
        if (!watch.empty()) return watch.apply(loop);
        watch.close();
        watches.erase(event.fileno());
    }

    void tell_unpolled() {
        for (const std::shared_ptr<UvWatch>& watch : std::exchange(unpolled, {})) {
            if (watch->needs_telling()) watch->tell(watch->happened());
            watch->listed = watch->needs_telling();
            if (watch->listed) unpolled.push_back(watch);
        }
    }

    // --- time

    /// Sees to it that the loop comes by when something is due. A timer of libuv's that turns out too early is left
    /// alone: it finds nothing to do and is set again.
    void arm() noexcept {
        const Time next = timers.next();
        const Time now = std::chrono::steady_clock::now();
        // Not a timer of no delay: libuv runs one that is set again from its own callback before anything else.
        if (next <= now || !unpolled.empty()) {
            uv_idle_start(&handles->at_once, [](uv_idle_t* handle) { of(handle->data).come_by(); });
        } else if (next == Time::max()) {
            uv_timer_stop(&handles->timer);
            armed_for = Time::max();
        } else if (next < armed_for) {
            uv_update_time(loop);  // libuv counts from its last look at the clock
            const auto delay = std::chrono::ceil<std::chrono::milliseconds>(next - now).count();
            uv_timer_start(
                &handles->timer,
                [](uv_timer_t* handle) {
                    State& state = of(handle->data);
                    state.armed_for = Time::max();
                    state.come_by();
                },
                static_cast<std::uint64_t>(delay), 0);
            armed_for = next;
        }
    }

    void come_by() {
        uv_idle_stop(&handles->at_once);
        passes.begin();
        timers.tell_due();
        tell_unpolled();
        arm();
    }

    // --- passes

    /// They begin with the first event that is ours. Timers come before libuv waits, descriptors while it does.
    void tell_passes(PassHandler* handler) noexcept {
        passes.set(handler);
        if (handler == nullptr) {
            uv_prepare_stop(&handles->prepare);
            uv_check_stop(&handles->check);
            return;
        }
        uv_prepare_start(&handles->prepare, [](uv_prepare_t* handle) { of(handle->data).passes.end(); });
        uv_check_start(&handles->check, [](uv_check_t* handle) { of(handle->data).passes.end(); });
    }

    void run() {
        if (running) throw InvalidState("a UvLoop was run from inside one of its own callbacks");
        running = true;
        uv_run(loop, UV_RUN_DEFAULT);
        running = false;
        passes.end();
    }

    static State& of(void* data) noexcept { return *static_cast<State*>(data); }

    uv_loop_t* loop;
    std::unique_ptr<uv_loop_t> own;
    Handles* handles = nullptr;
    bool running = false;
    detail::PassTeller passes;
    std::unordered_map<int, std::shared_ptr<UvWatch>> watches;
    std::vector<std::shared_ptr<UvWatch>> unpolled;
    detail::LoopTimers timers;
    Time armed_for = Time::max();
};

namespace {

std::unique_ptr<uv_loop_t> new_loop() {
    auto loop = std::make_unique<uv_loop_t>();
    must(uv_loop_init(loop.get()), "a loop");
    return loop;
}

}  // namespace

UvLoop::UvLoop() {
    auto own = new_loop();
    uv_loop_t* const loop = own.get();
    state_ = std::make_unique<State>(loop, std::move(own));
}

UvLoop::UvLoop(uv_loop_s* loop) : state_(std::make_unique<State>(loop, nullptr)) {}

UvLoop::~UvLoop() = default;

void UvLoop::update_event(IOEvent& event, EventAction action, IOFlags flags) {
    auto& own = static_cast<detail::SharedEvent&>(event);
    if (action == EventAction::cleanup) {
        state_->forget(own);
    } else if (action == EventAction::watch || own.watch != nullptr) {
        state_->want(own, action == EventAction::watch ? flags : IOFlags::none);
    }
}

void UvLoop::update_timer(TimerEvent& timer, EventAction action, std::chrono::microseconds delay) {
    state_->timers.update(timer, action, delay);
    state_->arm();
}

void UvLoop::start_watching() {
    state_->run();
}

void UvLoop::stop_watching() {
    if (state_->running) uv_stop(state_->loop);
}

void UvLoop::watch_passes(PassHandler* handler) {
    state_->tell_passes(handler);
}

std::unique_ptr<IOEvent> UvLoop::io_event_factory(int fd, EventHandler& handler) {
    return std::make_unique<detail::SharedEvent>(fd, handler);
}

std::unique_ptr<TimerEvent> UvLoop::timer_event_factory(EventHandler& handler) {
    return detail::LoopTimers::make(handler);
}

uv_loop_s* UvLoop::loop() const noexcept {
    return state_->loop;
}

}  // namespace plait
