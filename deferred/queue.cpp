#include "plait/deferred/queue.hpp"

#include <string>

namespace plait {

QueueOverflow::QueueOverflow(std::size_t size)
    : Error("The queue is full: it stores " + std::to_string(size) +
            " at most. Put less, get more, or give it more room.") {}
QueueOverflow::~QueueOverflow() = default;

QueueUnderflow::QueueUnderflow(std::size_t backlog)
    : Error("The queue is empty, and as many wait for it as may: " + std::to_string(backlog) + ".") {}
QueueUnderflow::~QueueUnderflow() = default;

QueueClosed::QueueClosed() : Error("The queue is closed.") {}
QueueClosed::~QueueClosed() = default;

}  // namespace plait
