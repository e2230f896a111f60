// FlowControl: who waits for room in a write buffer, and when they are told. One for each transport; it counts nothing
// itself and is shown the fill level instead.
#pragma once

#include <cstddef>
#include <list>
#include <utility>

#include "plait/deferred/deferred.hpp"
#include "plait/reactor/transport.hpp"

namespace plait::detail {

/// The two water marks, the Producer, and those who asked for `drained()`.
///
/// A Producer is paused as soon as a write passes the high mark, and resumed, like the waiters, when sending has
/// brought the level down to the low one.
///
/// Lifetime: everything here may destroy the transport through what it calls; keep it alive around `sent` and `end`.
class FlowControl {
public:
    FlowControl() = default;
    FlowControl(const FlowControl&) = delete;
    FlowControl& operator=(const FlowControl&) = delete;

    /// Throws std::invalid_argument unless low < high.
    void set_watermarks(std::size_t low, std::size_t high);

    /// Throws InvalidState if there is one. Passes on what the producer throws, which is not registered then.
    void register_producer(Producer& producer, std::size_t level);
    void unregister_producer() noexcept;
    bool has_producer() const noexcept { return producer_ != nullptr; }

    /// Takes the producer off, for another transport to adopt.
    Transport::Handover release() noexcept {
        return {nullptr, std::exchange(producer_, nullptr), std::exchange(paused_, false)};
    }
    /// Precondition: it has none. A paused one is resumed when there is room.
    void adopt(const Transport::Handover& from) noexcept {
        producer_ = from.producer;
        paused_ = from.producer_paused;
    }

    /// Somebody is to be told when there is room.
    bool waited_for() const noexcept { return paused_ || !waiting_.empty(); }

    Deferred<> drained(std::size_t level);

    /// Bytes were queued; may pause the producer. Passes on what that throws.
    void queued(std::size_t level) {
        if (level > high_ && producer_ != nullptr && !paused_) pause();
    }

    /// Bytes were sent. If there is room, tells one of those who wait for it and returns true: call it again then, with
    /// what the level has become. Passes on what the producer throws.
    bool sent(std::size_t level) { return level <= low_ && (paused_ || !waiting_.empty()) && wake_one(); }

    /// The connection is gone: the producer is told to stop, the waiters fail with `reason`.
    void end(const Failure& reason) noexcept;

private:
    void pause();
    bool wake_one();

    std::size_t low_ = Transport::default_low_water;
    std::size_t high_ = Transport::default_high_water;
    Producer* producer_ = nullptr;
    bool paused_ = false;
    std::list<Promise<>> waiting_;
};

}  // namespace plait::detail
