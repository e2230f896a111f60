#include "progress.hpp"

#include <unistd.h>

#include <cstdio>

namespace demo {
namespace {

constexpr std::uint64_t width = 40;
constexpr std::uint64_t plain_steps = 10;

}  // namespace

Progress::Progress(std::uint64_t total) : total_(total == 0 ? 1 : total), terminal_(::isatty(STDOUT_FILENO) == 1) {}

void Progress::show(std::uint64_t done, const std::string& note) {
    const auto filled = done * width / total_;
    const std::string text = "  [" + std::string(filled, '#') + std::string(width - std::min(filled, width), '.') +
                             "] " + std::to_string(done) + " of " + std::to_string(total_) + " rows  " + note;
    if (terminal_) {
        bar_ = text;
        std::printf("\r%s\033[K", bar_.c_str());
    } else if (done * plain_steps / total_ > last_step_) {
        last_step_ = done * plain_steps / total_;
        std::printf("%s\n", text.c_str());
    }
    std::fflush(stdout);
}

void Progress::tell(const std::string& line) {
    std::printf(terminal_ ? "\r%s\033[K\n%s" : "%s\n%s", line.c_str(), terminal_ ? bar_.c_str() : "");
    std::fflush(stdout);
}

void Progress::finish() {
    if (terminal_ && !bar_.empty()) std::printf("\n");
    bar_.clear();
    std::fflush(stdout);
}

}  // namespace demo
