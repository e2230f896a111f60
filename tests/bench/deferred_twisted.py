"""Prints how many nanoseconds Twisted takes for one of the cases that deferred_*.cpp measure: CASE is its name."""

import statistics
import sys
import time

from twisted.internet.defer import Deferred, gatherResults, succeed


def increment(number):
    return number + 1


def chain3():
    deferred = Deferred()
    deferred.addCallback(increment).addCallback(increment).addCallback(increment)
    deferred.callback(1)
    return deferred.result


def ready3():
    return succeed(1).addCallback(increment).addCallback(increment).addCallback(increment).result


def gather(parts):
    deferreds = [Deferred() for _ in range(parts)]
    whole = gatherResults(deferreds)
    for deferred in deferreds:
        deferred.callback(1)
    return whole.result


def nanoseconds_each(times, body):
    start = time.perf_counter_ns()
    for _ in range(times):
        body()
    return (time.perf_counter_ns() - start) / times


CASES = {
    "deferred.chain3": lambda: nanoseconds_each(50_000, chain3),
    "deferred.ready3": lambda: nanoseconds_each(50_000, ready3),
    "deferred.gather_100k": lambda: nanoseconds_each(1, lambda: gather(100_000)) / 100_000,
}

print(statistics.median(CASES[sys.argv[1]]() for _ in range(5)))
