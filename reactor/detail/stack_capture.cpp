#include "plait/reactor/detail/stack_capture.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <semaphore.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <mutex>
#include <system_error>

#include <fmt/format.h>

namespace plait::detail {
namespace {

constexpr int most_frames = 64;
// The handler, and what the kernel returns through from it.
constexpr int handler_frames = 2;

}  // namespace

struct StackCapture {
    StackCapture() { ::sem_init(&written, 0, 0); }
    StackCapture(const StackCapture&) = delete;
    StackCapture& operator=(const StackCapture&) = delete;
    ~StackCapture() { ::sem_destroy(&written); }

    bool answered() noexcept { return ::sem_trywait(&written) == 0; }

    void* frames[most_frames];
    int count = 0;
    sem_t written;
    StackCapture* next = nullptr;
    std::atomic<bool> asked{false};  ///< what the asking thread did before comes before what the handler does
};

namespace {

extern "C" void plait_write_stack_down(int, siginfo_t* info, void*) {
    if (info->si_code != SI_QUEUE || info->si_pid != ::getpid() || info->si_value.sival_ptr == nullptr) return;
    const int saved = errno;
    auto* capture = static_cast<StackCapture*>(info->si_value.sival_ptr);
    static_cast<void>(capture->asked.load(std::memory_order_acquire));
    capture->count = ::backtrace(capture->frames, most_frames);
    ::sem_post(&capture->written);
    errno = saved;
}

struct Handled {
    int users = 0;
    struct sigaction before{};
};

std::mutex handled_mutex;

std::map<int, Handled>& handled() {
    static std::map<int, Handled> signals;
    return signals;
}

// What threads may still write into although nobody waits for it any more; under the same mutex. At most one for each
// StackSignal there was.
StackCapture* left_behind = nullptr;

bool wait_a_second(sem_t& semaphore) {
    timespec end{};
    ::clock_gettime(CLOCK_REALTIME, &end);
    ++end.tv_sec;
    int result = 0;
    do {
        result = ::sem_timedwait(&semaphore, &end);
    } while (result != 0 && errno == EINTR);
    return result == 0;
}

}  // namespace

StackSignal::StackSignal(int signal_number) : signal_number_(signal_number != 0 ? signal_number : SIGRTMIN + 5) {
    void* frame = nullptr;
    ::backtrace(&frame, 1);  // loads what it needs now: a handler must not
    const std::lock_guard lock(handled_mutex);
    Handled& ours = handled()[signal_number_];
    if (ours.users > 0) {
        ++ours.users;
        return;
    }
    struct sigaction action{};
    action.sa_sigaction = plait_write_stack_down;
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    if (::sigaction(signal_number_, &action, &ours.before) != 0) {
        const int error = errno;
        handled().erase(signal_number_);
        throw std::system_error(error, std::generic_category(),
                                fmt::format("cannot handle signal {} to look at stacks", signal_number_));
    }
    ours.users = 1;
}

StackSignal::~StackSignal() {
    const std::lock_guard lock(handled_mutex);
    if (unanswered_ != nullptr && !unanswered_->answered()) {
        unanswered_->next = left_behind;
        left_behind = unanswered_.release();
    }
    const auto ours = handled().find(signal_number_);
    if (--ours->second.users > 0) return;
    // Ignoring a signal takes back those that threads have not taken yet: the handler before knows nothing of them, and
    // the default one would end the program.
    ::signal(signal_number_, SIG_IGN);
    ::sigaction(signal_number_, &ours->second.before, nullptr);
    handled().erase(ours);
}

std::vector<void*> StackSignal::stack_of(pthread_t thread) {
    if (unanswered_ != nullptr && !unanswered_->answered()) return {};
    unanswered_.reset();
    auto capture = std::make_unique<StackCapture>();
    sigval value{};
    value.sival_ptr = capture.get();
    capture->asked.store(true, std::memory_order_release);
    if (::pthread_sigqueue(thread, signal_number_, value) != 0) return {};
    if (!wait_a_second(capture->written)) {
        unanswered_ = std::move(capture);
        return {};
    }
    if (capture->count <= handler_frames) return {};
    return std::vector<void*>(capture->frames + handler_frames, capture->frames + capture->count);
}

std::string describe_address(void* address) {
    Dl_info info{};
    if (::dladdr(address, &info) == 0) return fmt::format("{}", fmt::ptr(address));
    const auto here = reinterpret_cast<std::uintptr_t>(address);
    if (info.dli_sname == nullptr)
        return fmt::format("{}(+{:#x})", info.dli_fname, here - reinterpret_cast<std::uintptr_t>(info.dli_fbase));
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> readable(
        abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, &status), &std::free);
    const char* name = status == 0 ? readable.get() : info.dli_sname;
    return fmt::format("{} + {:#x}", name, here - reinterpret_cast<std::uintptr_t>(info.dli_saddr));
}

}  // namespace plait::detail
