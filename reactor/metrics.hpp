// ReactorMetrics: what a reactor has done and what it holds, as numbers to read in the program or to hand to
// Prometheus. Not a log, and no rates: counters only rise, whoever reads them twice has the rate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "plait/reactor/histogram.hpp"

namespace plait {

/// What a reactor has done since it was made: only rises.
struct ReactorCounters {
    std::uint64_t turns = 0;             ///< calls from the loop below, or whole passes where it tells of them
    std::uint64_t timed_calls = 0;       ///< made
    std::uint64_t soon_calls = 0;        ///< made: call_soon()
    std::uint64_t thread_calls = 0;      ///< made: call_from_thread()
    std::uint64_t connections_made = 0;  ///< of every kind that has a Transport over a descriptor
    std::uint64_t connections_lost = 0;
    std::uint64_t bytes_received = 0;  ///< by them
    std::uint64_t bytes_sent = 0;
    std::uint64_t datagrams_received = 0;  ///< by UDP and UNIX datagram ports, truncated ones included
    std::uint64_t datagrams_sent = 0;      ///< accepted by the system
    std::uint64_t datagrams_dropped = 0;   ///< not sent: no room in the queue, refused by the system, or the port's end
    std::uint64_t datagram_bytes_received = 0;  ///< of truncated ones the whole size
    std::uint64_t datagram_bytes_sent = 0;
    std::uint64_t datagram_bytes_dropped = 0;
};

/// How long its work took and how much of it there was at once. Only while Reactor::measure_turns() is on.
struct ReactorHistograms {
    Histogram turn_time;  ///< from the loop's call to its return: nothing else happens in this thread meanwhile
    Histogram timer_lag;  ///< how late the loop's timer came, of the call due first
    // How long each queue was when its turn came, each time it was not empty.
    CountHistogram timed_calls_queue;   ///< of those that were due
    CountHistogram soon_calls_queue;    ///< call_soon()
    CountHistogram thread_calls_queue;  ///< call_from_thread()
};

/// A snapshot: see Reactor::metrics().
/// Threads: a snapshot may go anywhere; metrics() is for the reactor's thread alone. A thread that scrapes asks it by
///          `blocking_call_from_thread(reactor, [&] { return reactor.metrics(); })`.
struct ReactorMetrics : ReactorCounters, ReactorHistograms {
    // Now.
    std::size_t timed_calls_pending = 0;
    std::size_t soon_calls_pending = 0;
    std::size_t thread_calls_pending = 0;
    std::size_t bytes_queued = 0;    ///< written to connections and datagram ports, and not yet taken by the kernel
    std::size_t pool_threads = 0;    ///< of Reactor::thread_pool()
    std::size_t pool_queued = 0;     ///< work that waits for one of them
    std::size_t resources_open = 0;  ///< connections, ports, look-ups, attempts to connect, child processes, files

    /// What waited for a thread of the pool when more was given to it, that included; always measured.
    CountHistogram pool_queue;

    /// Of the whole program, not of this reactor alone.
    std::uint64_t unhandled_failures = 0;
};

/// The same in Prometheus' text format, one `plait_reactor_...` family a member, times in seconds. `labels` goes into
/// the braces of every sample as it is: `reactor="main"`, or nothing. Source: Prometheus text exposition format 0.0.4.
std::string prometheus_text(const ReactorMetrics& metrics, std::string_view labels = {});

}  // namespace plait
