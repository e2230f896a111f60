// MemoryLink: one connection in memory: two MemoryTransports, what is under way between them, and the faults on the
// way. Not a network: memory_network.hpp and connected_pair.hpp of the test kit stand on it.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "plait/deferred/failure.hpp"
#include "plait/reactor/bytes.hpp"
#include "plait/reactor/testing/fault_plan.hpp"
#include "plait/reactor/testing/memory_transport.hpp"
#include "plait/reactor/testing/seeded.hpp"

namespace plait::detail {

class MemoryLink {
public:
    MemoryLink(std::unique_ptr<testing::MemoryTransport> client, const testing::FaultPlan& faults);
    MemoryLink(const MemoryLink&) = delete;
    MemoryLink& operator=(const MemoryLink&) = delete;
    ~MemoryLink();

    /// Without a server's end the client finds its connection closed.
    void set_server(std::unique_ptr<testing::MemoryTransport> server) { ends_[1] = std::move(server); }

    bool open() const noexcept { return alive(0) || alive(1); }
    bool alive(int end) const noexcept { return ends_[index(end)] != nullptr && !at(end).lost(); }
    /// Precondition: it was set. 0 is the client's.
    testing::MemoryTransport& at(int end) const noexcept { return *ends_[index(end)]; }

    /// Carries one step in both directions, at most `most` bytes each (0: all). What the one side writes in answer
    /// waits for the next step. Returns whether anything moved, or will without another's doing.
    bool step(std::size_t most);

    void lose(const Failure& reason);
    void lose_broken();

private:
    struct Way {
        Bytes taken;  ///< from the writer, not yet delivered
        bool ended = false;
        std::uint64_t delay = 0;  ///< steps to go by
    };

    static std::size_t index(int end) noexcept { return static_cast<std::size_t>(end); }
    /// Reads what is sent to it, or throws it away for good.
    bool accepts(int end) const noexcept { return !alive(end) || at(end).disconnecting() || !at(end).reading_paused(); }

    Bytes load(int from, std::size_t most, bool& moved);
    std::size_t with_faults(Way& way, std::size_t most);
    Bytes corrupted(const Bytes& bytes);
    void carry(int from, Bytes bytes, bool& moved);
    void finish(int from, bool& moved);
    bool timed_out(int end) const;
    bool all_sent(int from) const;

    testing::FaultPlan faults_;
    testing::Seeded random_;
    bool broken_ = false;
    std::array<std::unique_ptr<testing::MemoryTransport>, 2> ends_;
    std::array<Way, 2> ways_;
};

}  // namespace plait::detail
