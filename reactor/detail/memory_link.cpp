#include "plait/reactor/detail/memory_link.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "plait/reactor/errors.hpp"

namespace plait::detail {

namespace {
constexpr std::size_t carried_at_once = 64 * 1024;  // when steps are small: what is taken from a writer at a time
}  // namespace

MemoryLink::MemoryLink(std::unique_ptr<testing::MemoryTransport> client, const testing::FaultPlan& faults)
    : faults_(faults), random_(faults.seed) {
    ends_[0] = std::move(client);
}

MemoryLink::~MemoryLink() = default;

bool MemoryLink::step(std::size_t most) {
    bool moved = false;
    for (int end : {0, 1})
        moved = (alive(end) && at(end).end_turn()) || moved;
    std::array<Bytes, 2> under_way;
    for (int from : {0, 1})
        under_way[index(from)] = load(from, most, moved);
    if (std::exchange(broken_, false)) {
        lose_broken();
        return true;
    }
    for (int from : {0, 1})
        carry(from, std::move(under_way[index(from)]), moved);
    for (int from : {0, 1})
        finish(from, moved);
    return moved;
}

void MemoryLink::lose(const Failure& reason) {
    for (Way& way : ways_)
        way.taken = Bytes();  // it never arrives
    for (int end : {0, 1})
        if (alive(end)) at(end).lose(reason);
}

void MemoryLink::lose_broken() {
    for (Way& way : ways_)
        way.taken = Bytes();
    for (int end : {0, 1})
        if (alive(end)) at(end).lose_broken();
}

Bytes MemoryLink::load(int from, std::size_t most, bool& moved) {
    Way& way = ways_[index(from)];
    for (int end : {0, 1})
        if (alive(end) && at(end).aborted()) return {};
    if (!accepts(1 - from)) return {};
    if (way.taken.empty() && alive(from) && !at(from).written().empty()) {
        way.taken = Bytes::own(at(from).take_written(most == 0 ? std::string::npos : carried_at_once));
        moved = true;
    }
    if (way.taken.empty()) return {};
    const auto size = with_faults(way, most == 0 ? way.taken.size() : std::min(most, way.taken.size()));
    if (size == 0) {
        moved = true;
        return {};
    }
    Bytes next = way.taken.slice(0, size);
    way.taken.remove_prefix(size);
    if (way.taken.empty()) way.taken = Bytes();
    if (faults_.drop > 0 && random_.chance(faults_.drop)) {
        moved = true;
        return {};
    }
    return faults_.corrupt > 0 && random_.chance(faults_.corrupt) ? corrupted(next) : next;
}

/// How many of `most` bytes are carried in this step; 0: they are late.
std::size_t MemoryLink::with_faults(Way& way, std::size_t most) {
    if (way.delay > 0) {
        --way.delay;
        if (way.delay > 0) return 0;
    }
    if (faults_.close > 0 && random_.chance(faults_.close)) {
        broken_ = true;
        return 0;
    }
    if (faults_.delay > 0 && random_.chance(faults_.delay)) {
        way.delay = random_.between(1, std::max<std::uint64_t>(faults_.longest_delay, 1));
        return 0;
    }
    if (faults_.split > 0 && random_.chance(faults_.split))
        return static_cast<std::size_t>(random_.between(1, std::max<std::size_t>(most, 2) - 1));
    return most;
}

/// With one bit of it turned round.
Bytes MemoryLink::corrupted(const Bytes& bytes) {
    std::string text = bytes.str();
    char& byte = text[static_cast<std::size_t>(random_.between(0, text.size() - 1))];
    byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << random_.between(0, 7)));
    return Bytes::own(std::move(text));
}

void MemoryLink::carry(int from, Bytes bytes, bool& moved) {
    if (bytes.empty()) return;
    moved = true;
    const int to = 1 - from;
    if (alive(to)) {
        at(to).deliver(std::move(bytes));
    } else if (alive(from) && !at(from).disconnecting()) {
        at(from).lose_broken();  // as a network does: bytes to nobody are answered with a reset
    }
}

void MemoryLink::finish(int from, bool& moved) {
    const int to = 1 - from;
    if (alive(from) && at(from).aborted()) {
        moved = true;
        at(from).lose(make_failure(ConnectionAborted("the connection to " + at(from).peer().str() + " was aborted")));
        if (alive(to)) at(to).lose_broken();
        return;
    }
    if (alive(to) && timed_out(from)) {
        moved = true;
        return at(to).lose_broken();
    }
    Way& way = ways_[index(from)];
    if (!all_sent(from)) return;
    if (!way.ended && alive(to) && !at(to).reading_paused()) {
        way.ended = moved = true;
        at(to).deliver_end();
    }
    const bool both_ended = way.ended && ways_[index(to)].ended;
    if (alive(from) && (at(from).disconnecting() || both_ended)) {
        moved = true;
        at(from).lose_cleanly();
    }
}

/// As with sockets, this resets the connection; other ends of the one side are an end in good order for the other.
bool MemoryLink::timed_out(int end) const {
    return ends_[index(end)] != nullptr && at(end).lost() && at(end).reason()->check<ConnectionTimedOut>() != nullptr;
}

bool MemoryLink::all_sent(int from) const {
    if (!ways_[index(from)].taken.empty()) return false;
    if (!alive(from)) return true;
    const bool closing = at(from).disconnecting() || at(from).write_closed();
    return closing && at(from).written().empty() && !at(from).has_producer();
}

}  // namespace plait::detail
