// ReactorCore: what transports, ports and look-ups need of a reactor and users do not: turns, gathered flushing, what
// is open, late destruction. Not the loop: that is IOPS.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <typeinfo>
#include <vector>

#include "plait/deferred/clock.hpp"
#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/detail/block_pool.hpp"
#include "plait/reactor/detail/intrusive_list.hpp"
#include "plait/reactor/detail/io_watch.hpp"
#include "plait/reactor/detail/lifecycle.hpp"
#include "plait/reactor/detail/thread_calls.hpp"
#include "plait/reactor/detail/turn_watch.hpp"
#include "plait/reactor/iops.hpp"
#include "plait/reactor/metrics.hpp"

namespace plait {
class Reactor;
class Resolver;
class ThreadPool;
}  // namespace plait

namespace plait::detail {

class SignalDelivery;

struct FlushTag {};
struct ResourceTag {};

/// Something with bytes queued for the end of the turn.
class Flushable : public ListHook<FlushTag> {
public:
    /// Called once at the end of the turn in which `queue_flush` was called. May destroy itself or others. What it
    /// queues for flushing itself is flushed in the next turn, so that no writer can keep the loop to itself.
    virtual void flush() noexcept = 0;

protected:
    ~Flushable() = default;
};

/// Something open on this reactor that has to end with it: a connection, a port, a look-up.
class Resource : public ListHook<ResourceTag> {
public:
    /// The reactor is being destroyed: end at once. Already taken off the list; may destroy itself. Runs in a turn.
    virtual void reactor_destroyed() noexcept = 0;

    /// The reactor shuts down, and may run again. Likewise.
    virtual void reactor_stopped() noexcept { reactor_destroyed(); }

    /// For Reactor::dump(): "a connection to 10.0.0.1:2181, 12 bytes queued". By default the name of its type.
    virtual std::string describe() const;

    /// For Reactor::metrics(): what waits to be sent.
    virtual std::size_t bytes_queued() const noexcept { return 0; }

protected:
    ~Resource() = default;
};

/// Something to be destroyed when nobody is on the stack above it any more.
class Doomed {
public:
    virtual ~Doomed() = default;

private:
    friend class ReactorCore;
    Doomed* next_doomed_ = nullptr;
};

class ReactorCore final : private EventHandler, private PassHandler {
public:
    /// A call from the loop into the library; where the loop tells of its passes (IOPS::watch_passes), all calls of one
    /// pass together. Put one on the stack first thing in every `event_ready`; the end of the
    /// outermost one ends the turn: writes are flushed, the timer is set. Within it nothing flushes, so callbacks of
    /// any kind may nest.
    class Turn {
    public:
        explicit Turn(ReactorCore& core) noexcept : core_(core) {
            ++core_.depth_;
            if (core_.watch_ != nullptr && core_.depth_ == core_.depth_of_a_call()) core_.watch_->begins();
        }
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;
        ~Turn() {
            if (core_.depth_ == 1) {
                ++core_.counters_.turns;
                if (core_.work_) core_.end_turn();
            } else if (core_.in_pass_ && core_.depth_ == 2) {
                core_.bound_what_a_pass_holds();
            }
            if (core_.watch_ != nullptr && core_.depth_ == core_.depth_of_a_call()) core_.watch_->ends();
            --core_.depth_;
        }

    private:
        ReactorCore& core_;
    };

    /// `own` may be null; the loop is then somebody else's.
    ReactorCore(Reactor& reactor, IOPS& loop, std::unique_ptr<IOPS> own);
    ReactorCore(const ReactorCore&) = delete;
    ReactorCore& operator=(const ReactorCore&) = delete;
    ~ReactorCore();

    Reactor& reactor() noexcept { return reactor_; }
    IOPS& iops() noexcept { return loop_; }
    bool in_turn() const noexcept { return depth_ != 0; }

    /// The reactor is being destroyed: open nothing any more.
    bool closing() const noexcept { return closing_; }

    /// Has `flush()` called at the end of this turn; outside any turn, in one that is arranged for. Again is harmless.
    void queue_flush(Flushable& writer) noexcept {
        if (writer.ListHook<FlushTag>::linked()) return;
        flushes_.push_back(writer);
        need_end_of_turn();
    }

    /// Keeps `resource` on the list of what is open until it is destroyed or `unlink()`s.
    void add_resource(Resource& resource) noexcept { resources_.push_back(resource); }

    /// Destroys `object` at the end of the turn, after flushing.
    void destroy_later(std::unique_ptr<Doomed> object) noexcept;

    /// Memory for reading: one pool for all connections, since only one reads at a time.
    BlockPool& read_blocks() noexcept { return read_blocks_; }

    /// Who looks names up; null until somebody asks for it (names.cpp).
    std::shared_ptr<Resolver>& resolver() noexcept { return resolver_; }

    ReactorCounters& counters() noexcept { return counters_; }

    /// Says what is called next, to who watches: "data_received", and whose.
    void doing(const char* what) noexcept {
        if (watch_ != nullptr) watch_->doing(what, nullptr);
    }
    template <typename T>
    void doing(const char* what, const T* whose) noexcept {
        if (watch_ == nullptr) return;
        if constexpr (requires { whose->described(); }) {
            const auto& described = whose->described();
            watch_->doing(what, &typeid(described));
        } else {
            watch_->doing(what, &typeid(*whose));
        }
    }
    /// Made when first asked for, and kept: from then on each call from the loop costs two looks at the clock.
    TurnWatch& turn_watch();
    ReactorMetrics metrics();
    void measure_turns(bool on);
    std::string dump();

    /// See Reactor.
    void call_soon(UniqueFunction<void()> function);
    void call_from_thread(UniqueFunction<void()> function) { thread_calls_.post(std::move(function)); }
    void deadline_changed() noexcept;
    SignalDelivery& signals();
    ThreadPool& thread_pool();
    Lifecycle& life() noexcept { return life_; }

    /// For what outlives the reactor in other threads.
    const std::shared_ptr<ThreadMailbox>& mailbox() const noexcept { return thread_calls_.mailbox(); }

    // For Lifecycle:

    /// Ends what is open now, after sending what was written to it. What that opens stays. Precondition: in a turn.
    void close_resources() noexcept;
    /// Waits for what the threads of the pool are doing. They work again when they are next asked to.
    void stop_threads() noexcept;
    /// The next turn is to be the last one, and not later than `longest` from now; until called with nothing.
    void end_loop_with_a_turn(std::optional<Duration> longest) noexcept;

    /// Aborts what is open and drops what is pending. For ~Reactor, while the Reactor is still whole.
    void close() noexcept;

private:
    using Calls = std::vector<UniqueFunction<void()>>;

    static constexpr unsigned most_blocks_a_pass = 4;

    void event_ready(IOFlags) noexcept override;
    void pass_begins() noexcept override {
        ++depth_;
        in_pass_ = true;
    }
    void pass_ends() noexcept override {
        ++counters_.turns;
        if (work_) end_pass();
        read_blocks_.forget_renewals();
        in_pass_ = false;
        --depth_;
    }
    /// What many busy connections read in one pass, and queued for writing, must not pile up until its end.
    void bound_what_a_pass_holds() noexcept {
        if (read_blocks_.renewals() < most_blocks_a_pass) return;
        read_blocks_.forget_renewals();
        flush();
    }
    /// How deep a call from the loop is: a pass is one level of its own.
    int depth_of_a_call() const noexcept { return in_pass_ ? 2 : 1; }
    void end_pass() noexcept;
    void flush() noexcept;
    void run_thread_calls();
    void need_end_of_turn() noexcept {
        work_ = true;
        if (depth_ == 0) arm(TimePoint::min());
    }
    /// Returns: how many calls were made.
    template <typename Take>
    std::size_t make_calls(Take take) noexcept;
    void measure_queue(CountHistogram ReactorHistograms::* queue, std::size_t length) noexcept;
    void end_turn() noexcept;
    void destroy_doomed() noexcept;
    void arm(TimePoint wanted) noexcept;

    Reactor& reactor_;
    std::unique_ptr<IOPS> own_loop_;
    IOPS& loop_;

    int depth_ = 0;
    bool work_ = false;
    bool closing_ = false;
    bool last_turn_ = false;
    bool in_pass_ = false;

    IntrusiveList<Flushable, FlushTag> flushes_;
    IntrusiveList<Resource, ResourceTag> resources_;
    Doomed* doomed_ = nullptr;
    BlockPool read_blocks_;
    Calls soon_calls_;
    Calls spare_calls_;  // empty; keeps its room from turn to turn

    std::unique_ptr<TimerEvent> timer_;
    TimePoint armed_for_ = TimePoint::max();
    ThreadCalls thread_calls_;
    std::unique_ptr<SignalDelivery> signals_;
    std::shared_ptr<Resolver> resolver_;
    std::unique_ptr<ThreadPool> thread_pool_;
    bool threads_stopped_ = false;
    Lifecycle life_{*this};
    ReactorCounters counters_;
    std::unique_ptr<TurnWatch> watch_;
};

}  // namespace plait::detail
