// Progress: a bar that moves on a terminal, and a few plain lines anywhere else.
#pragma once

#include <cstdint>
#include <string>

namespace demo {

class Progress {
public:
    explicit Progress(std::uint64_t total);

    /// Shows how far it is. `note` stands behind the bar.
    void show(std::uint64_t done, const std::string& note);

    /// A line of its own, above the bar.
    void tell(const std::string& line);

    /// Leaves the bar as it is.
    void finish();

private:
    std::uint64_t total_;
    std::uint64_t last_step_ = 0;
    bool terminal_;
    std::string bar_;
};

}  // namespace demo
