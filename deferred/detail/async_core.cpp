#include "plait/deferred/detail/async_core.hpp"

#include <thread>
#include <utility>
#include <vector>

#include "plait/deferred/contain.hpp"
#include "plait/deferred/errors.hpp"

namespace plait {

Dispatcher no_waiting_in_this_thread() {
    Dispatcher dispatcher;
    dispatcher.must_not_wait = [home = std::this_thread::get_id()] { return std::this_thread::get_id() == home; };
    return dispatcher;
}

}  // namespace plait

namespace plait::detail {

void throw_used_producer() {
    throw InvalidState("An AsyncProducer was used that has set its result already, or was moved from.");
}

namespace {

// Longer than this is for ever: the present and a century can be added without overflow.
constexpr auto longest_wait = std::chrono::hours(24 * 365 * 100);

LinkId next_id() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return LinkId(last.fetch_add(1, std::memory_order_relaxed) + 1);
}

}  // namespace

AsyncCore::AsyncCore(Dispatcher dispatcher, SourceLocation made) : dispatcher_(std::move(dispatcher)), made_(made) {}

AsyncCore::~AsyncCore() {
    if (exception_ && !seen_.load(std::memory_order_relaxed)) {
        contain([this] { report_unhandled_failure(Failure(exception_, made_), made_); });
    }
}

bool AsyncCore::saw_failure() const noexcept {
    if (phase() != Phase::exception) return false;
    seen_.store(true, std::memory_order_relaxed);
    return true;
}

std::exception_ptr AsyncCore::exception() const noexcept {
    return saw_failure() ? exception_ : nullptr;
}

// Setting ------------------------------------------------------------------------------------------------------------

void AsyncCore::claim() {
    const std::lock_guard lock(mutex_);
    if (phase() != Phase::waiting) {
        throw AlreadyFired("This AsyncResult has already been set: it holds one value or one exception, once.");
    }
    phase_.store(Phase::setting, std::memory_order_relaxed);
}

void AsyncCore::publish(std::exception_ptr exception) {
    {
        const std::lock_guard lock(mutex_);
        exception_ = std::move(exception);
        phase_.store(exception_ ? Phase::exception : Phase::value, std::memory_order_release);
        changed_.notify_all();
    }
    call_all();
}

void AsyncCore::set_exception(std::exception_ptr exception) {
    if (!exception) throw InvalidState("set_exception() was given a null exception_ptr: there is nothing to raise.");
    claim();
    publish(std::move(exception));
}

void AsyncCore::break_promise() noexcept {
    if (phase() != Phase::waiting || nobody_waits()) return;
    try {
        set_exception(std::make_exception_ptr(BrokenPromise()));
    } catch (const AlreadyFired&) {
        return;  // somebody else has set it, which is as good
    }
}

// Waiting ------------------------------------------------------------------------------------------------------------

bool AsyncCore::wait(Timeout timeout) const {
    if (ready()) return true;
    if (timeout && *timeout <= std::chrono::nanoseconds::zero()) return false;
    if (dispatcher_.must_not_wait && dispatcher_.must_not_wait()) {
        throw InvalidState(
            "An AsyncResult was waited for in the thread that has to set it, which would never end: link a callback, "
            "or await its Deferred.");
    }
    std::unique_lock lock(mutex_);
    const auto is_ready = [this] { return ready(); };
    if (timeout && *timeout < longest_wait) return changed_.wait_for(lock, *timeout, is_ready);
    changed_.wait(lock, is_ready);
    return true;
}

void AsyncCore::require_value(bool block, Timeout timeout) const {
    if (!ready() && !(block && wait(timeout))) {
        throw TimeoutError(block ? "The AsyncResult was not set in the time allowed."
                                 : "The AsyncResult is not set yet, and get() was asked not to wait.");
    }
    if (saw_failure()) std::rethrow_exception(exception_);
}

// Callbacks ----------------------------------------------------------------------------------------------------------

LinkId AsyncCore::link(Callback callback) {
    Entries entry;
    entry.push_back({next_id(), std::move(callback)});
    const LinkId id = entry.front().id;
    {
        const std::lock_guard lock(mutex_);
        if (!ready() || dispatcher_.dispatch) entries_.splice(entries_.end(), entry);
        if (!ready()) return id;
    }
    if (dispatcher_.dispatch) {
        call_later(id);
    } else {
        call(std::move(entry));
    }
    return id;
}

bool AsyncCore::unlink(LinkId id) {
    return !take(id).empty();  // destroyed here, outside the lock
}

/// What a dispatcher is given.
class AsyncCore::Dispatched {
public:
    Dispatched(std::shared_ptr<AsyncCore> core, LinkId id) noexcept : core_(std::move(core)), id_(id) {}
    Dispatched(Dispatched&&) noexcept = default;
    Dispatched& operator=(Dispatched&&) = delete;
    /// Not called: then nobody will call what was linked.
    ~Dispatched() {
        if (core_) core_->unlink(id_);
    }

    void operator()() {
        const std::shared_ptr<AsyncCore> core = std::move(core_);
        if (Entries one = core->take(id_); !one.empty()) core->call(std::move(one));
    }

private:
    std::shared_ptr<AsyncCore> core_;
    LinkId id_;
};

// Each is taken when its turn comes, so that one may still unlink another.
void AsyncCore::call_all() {
    if (!dispatcher_.dispatch) {
        for (;;) {
            Entries next;
            {
                const std::lock_guard lock(mutex_);
                if (entries_.empty()) return;
                next.splice(next.begin(), entries_, entries_.begin());
            }
            call(std::move(next));
        }
    }
    std::vector<LinkId> linked;
    {
        const std::lock_guard lock(mutex_);
        for (const Entry& entry : entries_)
            linked.push_back(entry.id);
    }
    for (const LinkId id : linked)
        call_later(id);
}

void AsyncCore::call_later(LinkId id) {
    contain([&] { dispatcher_.dispatch(Dispatched(shared_from_this(), id)); });
}

void AsyncCore::call(Entries one) noexcept {
    Entry& entry = one.front();
    const ContextScope scope(std::move(entry.context));
    contain([&] { entry.callback(shared_from_this()); });
}

AsyncCore::Entries AsyncCore::take(LinkId id) {
    Entries taken;
    const std::lock_guard lock(mutex_);
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
        if (entry->id != id) continue;
        taken.splice(taken.begin(), entries_, entry);
        break;
    }
    return taken;
}

// The caller's handle is the only one, so that nobody can come to wait either.
bool AsyncCore::nobody_waits() const {
    const std::lock_guard lock(mutex_);
    return entries_.empty() && weak_from_this().use_count() == 1;
}

}  // namespace plait::detail
