// What the benchmark programs share: medians of interleaved runs, and the line that tools/bench reads.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace plait::bench {

inline double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

/// Calls each candidate in turn, `rounds` times over, so that whatever else the machine does meets all of them alike.
/// The first round warms up and does not count.
/// Returns: the median of what each returned.
template <typename... Candidates>
std::vector<double> interleaved(int rounds, Candidates&&... candidates) {
    std::vector<std::vector<double>> results(sizeof...(candidates));
    for (int round = 0; round <= rounds; ++round) {
        std::size_t index = 0;
        ((round == 0 ? static_cast<void>(candidates()) : results[index++].push_back(candidates())), ...);
    }
    std::vector<double> medians;
    for (auto& values : results)
        medians.push_back(median(std::move(values)));
    return medians;
}

/// Calls `body(i)` for i below `times`.
/// Returns: nanoseconds a call took.
template <typename Body>
double nanoseconds_each(int times, Body&& body) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < times; ++i)
        body(i);
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() / times;
}

/// Makes the compiler believe that somebody reads and writes what `value` holds, so that it can leave nothing out.
template <typename T>
void keep(T& value) {
    asm volatile("" : : "r"(&value) : "memory");
}

struct Case {
    const char* name;
    const char* unit;
    double ours;
    double peer;
    const char* peer_name;
    double goal = 0;  ///< times better than the peer; 0: none, it is there for the record
    bool lower_is_better = false;
};

inline void print(const Case& result) {
    std::printf("{\"case\": \"%s\", \"unit\": \"%s\", \"ours\": %.6g, \"peer\": %.6g, \"peer_name\": \"%s\"",
                result.name, result.unit, result.ours, result.peer, result.peer_name);
    if (result.goal > 0) std::printf(", \"goal\": %g", result.goal);
    std::printf("%s}\n", result.lower_is_better ? ", \"lower_is_better\": true" : "");
    std::fflush(stdout);
}

}  // namespace plait::bench
