// The stack of another thread, as it is now: asked for with a signal, written down by that thread. Not a debugger:
// names are those the dynamic linker knows.
#pragma once

#include <pthread.h>

#include <memory>
#include <string>
#include <vector>

namespace plait::detail {

struct StackCapture;

/// Handles `signal_number` for the whole process while one lives; the last one of that number puts the handler before
/// it back. A signal that a thread has not taken until then is taken back: it never meets that handler.
class StackSignal {
public:
    /// Zero: SIGRTMIN + 5. Throws std::system_error for a number that cannot be handled.
    explicit StackSignal(int signal_number);
    ~StackSignal();
    StackSignal(const StackSignal&) = delete;
    StackSignal& operator=(const StackSignal&) = delete;

    /// Return addresses, innermost first, of `thread`, which lives. Empty when it does not answer within a second: it
    /// blocks the signal, or is in the kernel's hands; and at once for as long as an earlier question waits for answer.
    /// Threads: one at a time, any but `thread`.
    std::vector<void*> stack_of(pthread_t thread);

private:
    int signal_number_;
    std::unique_ptr<StackCapture> unanswered_;  ///< the signal may still come, and write into it
};

/// "plait::Session::data_received(plait::Bytes const&) + 0x1c", or "./server(+0x4f2c)" where there is no name to be
/// had.
std::string describe_address(void* address);

}  // namespace plait::detail
