#include "plait/tests/support/deadline.hpp"

#include <poll.h>

#include <stdexcept>

namespace plait::support {

void pause_between_tries() {
    poll(nullptr, 0, 10);
}

void throw_waited(const std::string& what, std::chrono::milliseconds limit) {
    throw std::runtime_error("waited " + std::to_string(limit.count()) + " ms for " + what);
}

}  // namespace plait::support
