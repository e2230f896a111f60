#include "plait/reactor/detail/thread_work.hpp"

#include <string>

#include <fmt/format.h>

#include "plait/deferred/contain.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait::detail {

/// What the reactor's thread knows of the work; gone once nobody waits for it there.
class ThreadWork::Home final : public Resource {
public:
    Home(ThreadWork& work, ThreadPool& pool) : work_(work.shared_from_this()), pool_(pool) {}

    void set_ticket(ThreadPool::Ticket ticket) noexcept { ticket_ = ticket; }
    void take_back() const noexcept { pool_.take_back(ticket_); }

    void reactor_destroyed() noexcept override {
        const std::shared_ptr<ThreadWork> work = work_;
        work->home_.reset();
        work->fail(make_failure(ReactorStopped("the reactor was stopped before the thread had ended its work")));
    }

    std::string describe() const override {
        const SourceLocation asked = work_->asked();
        if (*asked.file_name() == '\0') return "work in a thread";
        return fmt::format("work in a thread, asked for at {}:{}", asked.file_name(), asked.line());
    }

private:
    std::shared_ptr<ThreadWork> work_;  // the Promise must not end in another thread
    ThreadPool& pool_;
    ThreadPool::Ticket ticket_ = 0;
};

/// What the pool calls. Dropped uncalled, it says so at home.
class ThreadWork::InPool {
public:
    InPool(std::shared_ptr<ThreadWork> work, std::shared_ptr<ThreadMailbox> mailbox) noexcept
        : work_(std::move(work)), mailbox_(std::move(mailbox)) {}
    InPool(InPool&&) noexcept = default;
    InPool& operator=(InPool&&) = delete;
    ~InPool() {
        if (work_ == nullptr) return;
        work_->drop_work();
        send_home(false);
    }

    void operator()() {
        work_->work();
        send_home(true);
    }

private:
    void send_home(bool worked) noexcept {
        contain([&] { mailbox_->post([work = std::move(work_), worked] { work->come_home(worked); }); });
    }

    std::shared_ptr<ThreadWork> work_;
    std::shared_ptr<ThreadMailbox> mailbox_;
};

ThreadWork::ThreadWork(SourceLocation asked) : asked_(asked) {}
ThreadWork::~ThreadWork() = default;

void ThreadWork::give(Reactor& reactor, ThreadPool& pool) {
    if (reactor.core().closing())
        throw ReactorStopped("work for a thread was asked of a reactor that is being destroyed");
    home_ = std::make_unique<Home>(*this, pool);
    reactor.core().add_resource(*home_);
    try {
        home_->set_ticket(pool.call(InPool(shared_from_this(), reactor.core().mailbox())));
    } catch (...) {
        home_.reset();
        throw;
    }
}

void ThreadWork::take_back() noexcept {
    const std::shared_ptr<ThreadWork> self = shared_from_this();
    const std::unique_ptr<Home> home = std::move(home_);
    if (home != nullptr) home->take_back();
    forget();
}

void ThreadWork::come_home(bool worked) noexcept {
    if (home_ == nullptr) return;  // nobody waits any more
    home_.reset();
    contain([&] {
        if (worked) {
            deliver();
        } else {
            fail(make_failure(ThreadPoolStopped()));
        }
    });
}

}  // namespace plait::detail
