// The process's signal dispositions, shared by all its reactors: who wants which signal, and what was there before.
// Not a reactor's business: it only reads its mailbox.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "plait/reactor/detail/wakeup.hpp"

namespace plait::detail {

inline constexpr int signal_limit = 65;  // numbers 1 to 64 on Linux

/// Where the signal handler leaves signals for one reactor. Never freed, only reused: a handler may be looking at it.
struct SignalMailbox {
    Wakeup wakeup;
    std::array<std::atomic<std::uint32_t>, signal_limit> arrived{};
    std::array<std::atomic<std::uint32_t>, signal_limit> wanted{};  // subscriptions
    SignalMailbox* next = nullptr;
    bool in_use = true;
};

/// Those that ask a program to end: SIGTERM, and SIGINT unless it is ignored: that was meant to be, as the program runs
/// in the background.
std::vector<int> signals_that_stop();

/// "SIGTERM"; "signal 36" for one that has no name.
std::string signal_name(int number);

/// Threads: any. `wakeup` is set when something arrives.
SignalMailbox& acquire_signal_mailbox();
void release_signal_mailbox(SignalMailbox& mailbox) noexcept;

/// Adds a subscription; the first in the process for `number` installs the handler.
/// Throws std::system_error naming the signal when the system does not allow that.
void want_signal(SignalMailbox& mailbox, int number);

/// Takes one back; the last in the process puts the previous disposition back.
void unwant_signal(SignalMailbox& mailbox, int number) noexcept;

}  // namespace plait::detail
