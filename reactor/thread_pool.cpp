#include "plait/reactor/thread_pool.hpp"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "plait/deferred/contain.hpp"
#include "plait/deferred/context.hpp"

namespace plait {

namespace {
constexpr std::chrono::milliseconds longest_wait = std::chrono::hours(24 * 365);  // more would overflow the clock
}  // namespace

ThreadPoolFull::ThreadPoolFull(std::size_t most_queued)
    : Error("the thread pool is full: " + std::to_string(most_queued) +
            " pieces of work wait for a thread already; give it more threads or ask for less at once") {}
ThreadPoolFull::~ThreadPoolFull() = default;

ThreadPoolStopped::ThreadPoolStopped() : Error("the thread pool was stopped before the work had begun") {}
ThreadPoolStopped::~ThreadPoolStopped() = default;

/// Shared by the pool and each of its threads, so that a thread may outlive a pool that its own work destroyed.
struct ThreadPool::State {
    using Queue = std::map<Ticket, UniqueFunction<void()>>;  // by ticket, which is in order

    explicit State(const ThreadPoolOptions& given) : options(given) {}

    std::size_t most_threads() const noexcept { return static_cast<std::size_t>(std::max(options.most_threads, 1)); }
    bool too_many_threads() const noexcept { return threads.size() > most_threads(); }
    bool want_thread() const noexcept {
        return queue.size() > threads.size() - working && threads.size() < most_threads();
    }
    /// What free threads, and those not started yet, are about to take does not count as waiting.
    bool full() const noexcept {
        const std::size_t most = std::max(most_threads(), threads.size());
        return queue.size() >= options.most_queued && queue.size() - options.most_queued >= most - working;
    }

    static void start_thread(const std::shared_ptr<State>& self);
    /// False in a thread that a stop() from its own work has let go.
    bool has_this_thread() const { return threads.find(std::this_thread::get_id()) != threads.end(); }
    void live(std::unique_lock<std::mutex>& lock);
    void work(std::unique_lock<std::mutex>& lock);
    void leave(std::unique_lock<std::mutex>& lock);

    std::mutex mutex;
    ThreadPoolOptions options;
    std::condition_variable something_to_do;
    std::condition_variable somebody_left;
    Queue queue;
    Ticket next_ticket = 1;
    std::map<std::thread::id, std::thread> threads;
    std::thread ended;  // the last to leave; the next one joins it
    std::size_t working = 0;
    CountHistogram queue_lengths;
    bool stopped = false;
};

void ThreadPool::State::start_thread(const std::shared_ptr<State>& self) {
    // The lock is held: the thread finds itself in the table when it gets it.
    std::thread thread([self] {
        std::unique_lock lock(self->mutex);
        self->live(lock);
        self->leave(lock);
    });
    const auto id = thread.get_id();
    self->threads.emplace(id, std::move(thread));
}

void ThreadPool::State::live(std::unique_lock<std::mutex>& lock) {
    for (;;) {
        if (!queue.empty()) {
            work(lock);
            if (!has_this_thread()) return;
            continue;
        }
        if (stopped || too_many_threads()) return;
        const auto patience = std::min<std::chrono::milliseconds>(options.idle, longest_wait);
        const auto wanted = [this] { return !queue.empty() || stopped || too_many_threads(); };
        if (!something_to_do.wait_for(lock, patience, wanted)) return;
    }
}

void ThreadPool::State::work(std::unique_lock<std::mutex>& lock) {
    auto first = queue.extract(queue.begin());
    ++working;
    lock.unlock();
    contain(first.mapped());
    first = {};
    lock.lock();
    if (has_this_thread()) --working;
}

void ThreadPool::State::leave(std::unique_lock<std::mutex>& lock) {
    std::thread before;
    const auto self = threads.find(std::this_thread::get_id());
    if (self != threads.end()) {  // else: let go by a stop() from its own work
        before = std::exchange(ended, std::move(self->second));
        threads.erase(self);
    }
    // Said before the lock goes: who waits for this may destroy what this thread does not keep.
    somebody_left.notify_all();
    lock.unlock();
    if (before.joinable()) before.join();
}

ThreadPool::ThreadPool(ThreadPoolOptions options) : state_(std::make_shared<State>(options)) {}

ThreadPool::~ThreadPool() {
    stop();
}

ThreadPool::Ticket ThreadPool::call(UniqueFunction<void()> work) {
    work = carry_context(std::move(work));
    State& state = *state_;
    State::Queue::node_type refused;  // destroyed after the lock
    const std::lock_guard lock(state.mutex);
    if (state.stopped) throw ThreadPoolStopped();
    if (state.full()) throw ThreadPoolFull(state.options.most_queued);
    const Ticket ticket = state.next_ticket++;
    state.queue.emplace(ticket, std::move(work));
    if (state.want_thread()) {
        try {
            State::start_thread(state_);
        } catch (const std::system_error&) {
            if (state.threads.empty()) {
                refused = state.queue.extract(ticket);
                throw;
            }
        }
    }
    state.queue_lengths.record(state.queue.size());
    state.something_to_do.notify_one();
    return ticket;
}

bool ThreadPool::take_back(Ticket ticket) noexcept {
    State::Queue::node_type taken;  // destroyed after the lock
    const std::lock_guard lock(state_->mutex);
    taken = state_->queue.extract(ticket);
    return !taken.empty();
}

void ThreadPool::stop() noexcept {
    State& state = *state_;
    State::Queue dropped;
    std::unique_lock lock(state.mutex);
    state.stopped = true;
    dropped.swap(state.queue);
    state.something_to_do.notify_all();
    lock.unlock();
    dropped.clear();
    lock.lock();
    const auto self = state.threads.find(std::this_thread::get_id());
    if (self != state.threads.end()) {
        self->second.detach();
        state.threads.erase(self);
        --state.working;  // it calls this from its work
    }
    state.somebody_left.wait(lock, [&] { return state.threads.empty() || !state.stopped; });
    std::thread last = std::move(state.ended);
    lock.unlock();
    if (last.joinable()) last.join();
}

void ThreadPool::start() noexcept {
    const std::lock_guard lock(state_->mutex);
    state_->stopped = false;
}

void ThreadPool::set_most_threads(int most) noexcept {
    const std::lock_guard lock(state_->mutex);
    state_->options.most_threads = most;
    state_->something_to_do.notify_all();
}

std::size_t ThreadPool::threads() const noexcept {
    const std::lock_guard lock(state_->mutex);
    return state_->threads.size();
}

std::size_t ThreadPool::queued() const noexcept {
    const std::lock_guard lock(state_->mutex);
    return state_->queue.size();
}

CountHistogram ThreadPool::queue_lengths() const noexcept {
    const std::lock_guard lock(state_->mutex);
    return state_->queue_lengths;
}

}  // namespace plait
