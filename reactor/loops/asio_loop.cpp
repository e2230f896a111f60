#include "plait/reactor/loops/asio_loop.hpp"

#include <array>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <optional>
#include <unordered_map>
#include <utility>

#include "plait/deferred/errors.hpp"
#include "plait/reactor/detail/loop_timers.hpp"
#include "plait/reactor/detail/pass_teller.hpp"
#include "plait/reactor/detail/shared_watch.hpp"

namespace plait {

namespace {

using Descriptor = asio::posix::stream_descriptor;

/// Tells passes: they begin with the first event that is ours, and end when what was ready with it has been told.
class AsioPasses : public detail::PassTeller, public std::enable_shared_from_this<AsioPasses> {
public:
    explicit AsioPasses(asio::io_context& context) noexcept : context_(context) {}

    void come() {
        // Asio puts all that is ready on a queue; this goes behind it.
        if (begin()) asio::post(context_, [self = shared_from_this()] { self->end(); });
    }

private:
    asio::io_context& context_;
};

/// One descriptor in an io_context. Lives until Asio has let go of it, which may be after the AsioLoop.
class AsioWatch final : public detail::SharedWatch, public std::enable_shared_from_this<AsioWatch> {
public:
    AsioWatch(asio::io_context& context, int fd, std::shared_ptr<AsioPasses> passes)
        : context_(context), descriptor_(context), fd_(fd), passes_(std::move(passes)) {}

    ~AsioWatch() { close(); }

    /// Has Asio wait for what the events want.
    void apply() {
        if (telling_ || closed_) return;  // waiting before it is read would find what is read then
        const IOFlags flags = wanted();
        if (!any(flags)) return;
        if (!descriptor_.is_open()) {
            asio::error_code refused;
            if (descriptor_.assign(fd_, refused)) return refuse();
        }
        if (any(flags & IOFlags::read)) wait_for(IOFlags::read, Descriptor::wait_read, reading_);
        if (any(flags & IOFlags::write)) wait_for(IOFlags::write, Descriptor::wait_write, writing_);
    }

    /// Gives the descriptor back to its owner, who may close it.
    void close() noexcept {
        closed_ = true;
        if (descriptor_.is_open()) descriptor_.release();
    }

private:
    void wait_for(IOFlags flag, Descriptor::wait_type what, bool& waiting) {
        if (std::exchange(waiting, true)) return;
        descriptor_.async_wait(what, [self = shared_from_this(), flag, &waiting](const asio::error_code&) {
            // An error, too, is told as ready: the read or write says what it is. A regular file, which epoll refuses,
            // comes this way, and is always ready.
            waiting = false;
            self->tell_now(flag);
        });
    }

    void refuse() {
        asio::post(context_, [self = shared_from_this()] { self->tell_now(IOFlags::error); });
    }

    void tell_now(IOFlags happened) {
        if (closed_ || (!any(happened & IOFlags::error) && !any(wanted() & happened))) return;
        passes_->come();
        telling_ = true;
        tell(happened);
        telling_ = false;
        apply();
    }

    asio::io_context& context_;
    Descriptor descriptor_;
    int fd_;
    std::shared_ptr<AsioPasses> passes_;
    bool reading_ = false;
    bool writing_ = false;
    bool telling_ = false;
    bool closed_ = false;
};

/// All timers over one of Asio's, and what is due at once through the queue: behind what is ready already.
class AsioTimers final : public std::enable_shared_from_this<AsioTimers> {
public:
    using Time = detail::LoopTimers::Time;

    AsioTimers(asio::io_context& context, std::shared_ptr<AsioPasses> passes)
        : context_(context), timer_(std::in_place, context), passes_(std::move(passes)) {}

    void update(TimerEvent& timer, EventAction action, std::chrono::microseconds delay) {
        timers_.update(timer, action, delay);
        arm();
    }

    void close() noexcept { timer_.reset(); }

private:
    void arm() {
        const Time next = timers_.next();
        if (next <= std::chrono::steady_clock::now()) {
            if (std::exchange(posted_, true)) return;
            asio::post(context_, [self = shared_from_this()] {
                self->posted_ = false;
                self->tell();
            });
        } else if (next == Time::max()) {
            timer_->cancel();
            armed_for_ = Time::max();
        } else if (next < armed_for_) {
            // One that is due too early is left alone: it finds nothing to do and is set again.
            timer_->expires_at(next);
            armed_for_ = next;
            timer_->async_wait([self = shared_from_this()](const asio::error_code& moved) {
                if (moved) return;
                self->armed_for_ = Time::max();
                self->tell();
            });
        }
    }

    void tell() {
        if (!timer_) return;
        passes_->come();
        timers_.tell_due();
        arm();
    }

    asio::io_context& context_;
    std::optional<asio::steady_timer> timer_;
    std::shared_ptr<AsioPasses> passes_;
    detail::LoopTimers timers_;
    Time armed_for_ = Time::max();
    bool posted_ = false;
};

}  // namespace

struct AsioLoop::State {
    explicit State(asio::io_context& given, std::unique_ptr<asio::io_context> its_own)
        : own(std::move(its_own)), context(given) {}

    State(const State&) = delete;
    State& operator=(const State&) = delete;

    ~State() {
        passes->set(nullptr);
        timers->close();
        for (const auto& [fd, watch] : watches)
            watch->close();
    }

    AsioWatch& watch_of(detail::SharedEvent& event) {
        if (event.watch != nullptr) return static_cast<AsioWatch&>(*event.watch);
        std::shared_ptr<AsioWatch>& watch = watches[event.fileno()];
        if (watch == nullptr) watch = std::make_shared<AsioWatch>(context, event.fileno(), passes);
        watch->join(event);
        return *watch;
    }

    void want(detail::SharedEvent& event, IOFlags flags) {
        AsioWatch& watch = watch_of(event);
        watch.want(event, flags);
        watch.apply();
    }

    void forget(detail::SharedEvent& event) noexcept {
        if (event.watch == nullptr) return;
        auto& watch = static_cast<AsioWatch&>(*event.watch);
        watch.leave(event);
        if (!watch.empty()) return;
        watch.close();
        watches.erase(event.fileno());
    }

    void run() {
        if (running) throw InvalidState("an AsioLoop was run from inside one of its own callbacks");
        if (context.stopped()) context.restart();
        // Others' handlers may throw: that ends this run, and no later one.
        struct Ending {
            ~Ending() {
                loop.running = false;
                loop.passes->end();  // stopped in the middle of one
            }
            State& loop;
        };
        running = true;
        const Ending ending{*this};
        // Turn by turn: stop() would leave the io_context stopped for its owner, too.
        for (stopped = false; !stopped && context.run_one() != 0;) {
        }
    }

    std::unique_ptr<asio::io_context> own;
    asio::io_context& context;
    bool running = false;
    bool stopped = false;
    std::shared_ptr<AsioPasses> passes = std::make_shared<AsioPasses>(context);
    std::shared_ptr<AsioTimers> timers = std::make_shared<AsioTimers>(context, passes);
    std::unordered_map<int, std::shared_ptr<AsioWatch>> watches;
};

AsioLoop::AsioLoop() {
    auto own = std::make_unique<asio::io_context>(1);
    asio::io_context& context = *own;
    state_ = std::make_unique<State>(context, std::move(own));
}

AsioLoop::AsioLoop(asio::io_context& context) : state_(std::make_unique<State>(context, nullptr)) {}

AsioLoop::~AsioLoop() = default;

void AsioLoop::update_event(IOEvent& event, EventAction action, IOFlags flags) {
    auto& own = static_cast<detail::SharedEvent&>(event);
    if (action == EventAction::cleanup) {
        state_->forget(own);
    } else if (action == EventAction::watch || own.watch != nullptr) {
        state_->want(own, action == EventAction::watch ? flags : IOFlags::none);
    }
}

void AsioLoop::update_timer(TimerEvent& timer, EventAction action, std::chrono::microseconds delay) {
    state_->timers->update(timer, action, delay);
}

void AsioLoop::start_watching() {
    state_->run();
}

void AsioLoop::stop_watching() {
    state_->stopped = true;
}

void AsioLoop::watch_passes(PassHandler* handler) {
    state_->passes->set(handler);
}

std::unique_ptr<IOEvent> AsioLoop::io_event_factory(int fd, EventHandler& handler) {
    return std::make_unique<detail::SharedEvent>(fd, handler);
}

std::unique_ptr<TimerEvent> AsioLoop::timer_event_factory(EventHandler& handler) {
    return detail::LoopTimers::make(handler);
}

asio::io_context& AsioLoop::context() const noexcept {
    return state_->context;
}

}  // namespace plait
