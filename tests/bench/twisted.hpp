// What Twisted takes for the same, for the record: runs deferred_twisted.py, with the Python that Debian's Twisted
// belongs to, if it is there.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include "measure.hpp"

namespace plait::bench {

/// Prints a line for `name` beside Twisted, if it is here; `ours` is in nanoseconds.
inline void print_beside_twisted(const char* name, double ours) {
    const std::string command = std::string("/usr/bin/python3 -B '" PLAIT_TWISTED_SCRIPT "' ") + name + " 2>/dev/null";
    FILE* output = ::popen(command.c_str(), "r");
    if (output == nullptr) return;
    char line[64] = "";
    const bool answered = std::fgets(line, sizeof line, output) != nullptr;
    if (::pclose(output) != 0 || !answered) return;
    print({name, "ns", ours, std::atof(line), "Twisted", 0, true});
}

}  // namespace plait::bench
