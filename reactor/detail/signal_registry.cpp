#include "plait/reactor/detail/signal_registry.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <string>
#include <system_error>

namespace plait::detail {

namespace {

struct Disposition {
    int users = 0;
    struct sigaction previous = {};
};

std::mutex mutex;  // guards what the handler does not touch
std::array<Disposition, signal_limit> dispositions;
std::atomic<SignalMailbox*> mailboxes{nullptr};

static_assert(std::atomic<SignalMailbox*>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free);

// Runs in any thread, between any two instructions: nothing but lock-free atomics and write(2).
extern "C" void plait_signal_arrived(int number) {
    const auto index = static_cast<std::size_t>(number);
    for (SignalMailbox* box = mailboxes.load(std::memory_order_acquire); box != nullptr; box = box->next) {
        if (box->wanted[index].load(std::memory_order_acquire) == 0) continue;
        box->arrived[index].fetch_add(1, std::memory_order_release);
        box->wakeup.set();
    }
}

void install(int number, struct sigaction& previous) {
    struct sigaction action = {};
    action.sa_handler = plait_signal_arrived;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    if (::sigaction(number, &action, &previous) != 0)
        throw std::system_error(errno, std::generic_category(), "cannot handle signal " + std::to_string(number));
}

}  // namespace

std::vector<int> signals_that_stop() {
    struct sigaction now = {};
    if (::sigaction(SIGINT, nullptr, &now) == 0 && now.sa_handler == SIG_IGN) return {SIGTERM};
    return {SIGINT, SIGTERM};
}

std::string signal_name(int number) {
    const char* name = ::sigabbrev_np(number);
    return name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(number);
}

SignalMailbox& acquire_signal_mailbox() {
    const std::lock_guard lock(mutex);
    for (SignalMailbox* box = mailboxes.load(std::memory_order_relaxed); box != nullptr; box = box->next) {
        if (box->in_use) continue;
        box->in_use = true;
        return *box;
    }
    auto* box = new SignalMailbox;
    box->next = mailboxes.load(std::memory_order_relaxed);
    mailboxes.store(box, std::memory_order_release);
    return *box;
}

void release_signal_mailbox(SignalMailbox& mailbox) noexcept {
    const std::lock_guard lock(mutex);
    mailbox.wakeup.clear();
    mailbox.in_use = false;
}

void want_signal(SignalMailbox& mailbox, int number) {
    if (number < 1 || number >= signal_limit)
        throw std::system_error(EINVAL, std::generic_category(), "there is no signal " + std::to_string(number));
    const auto index = static_cast<std::size_t>(number);
    const std::lock_guard lock(mutex);
    // Wanted before it is installed, so that no signal falls between the old disposition and us.
    if (mailbox.wanted[index].load(std::memory_order_relaxed) == 0) mailbox.arrived[index].store(0);
    mailbox.wanted[index].fetch_add(1);
    try {
        if (dispositions[index].users == 0) install(number, dispositions[index].previous);
    } catch (...) {
        mailbox.wanted[index].fetch_sub(1);
        throw;
    }
    ++dispositions[index].users;
}

void unwant_signal(SignalMailbox& mailbox, int number) noexcept {
    const auto index = static_cast<std::size_t>(number);
    const std::lock_guard lock(mutex);
    if (--dispositions[index].users == 0) ::sigaction(number, &dispositions[index].previous, nullptr);
    mailbox.wanted[index].fetch_sub(1);
}

}  // namespace plait::detail
