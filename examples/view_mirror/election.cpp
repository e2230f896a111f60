#include "election.hpp"

#include <algorithm>
#include <random>
#include <vector>

#include "insist.hpp"

namespace view_mirror {
namespace {

using plait::Deferred;
namespace zk = plait::zk;

constexpr std::size_t sequence_digits = 10;

std::string sequence_of(const std::string& seat) {
    return seat.substr(seat.size() - std::min(seat.size(), sequence_digits));
}

std::string random_mark() {
    std::random_device random;
    std::string mark = "candidate-";
    for (int i = 0; i < 16; ++i)
        mark += "0123456789abcdef"[random() % 16];
    return mark + "-";
}

}  // namespace

Election::Election(zk::Client& zk, std::string path) : zk_(zk), path_(std::move(path)), mark_(random_mark()) {}

Deferred<std::string> Election::win() {
    const std::string seat = co_await take_seat();
    for (;;) {
        auto seats = co_await insist([this] { return zk_.get_children(path_); });
        std::sort(seats.begin(), seats.end(),
                  [](const std::string& a, const std::string& b) { return sequence_of(a) < sequence_of(b); });
        const auto ours = std::find(seats.begin(), seats.end(), seat);
        if (ours == seats.end()) {
            throw std::runtime_error("somebody removed this instance's candidacy " + path_ + "/" + seat);
        }
        if (ours == seats.begin()) co_return sequence_of(seat);

        const std::string before = path_ + "/" + *std::prev(ours);
        auto watched = co_await insist([this, &before] { return zk_.exists_and_watch(before); });
        if (watched.value) co_await std::move(watched.changed);
    }
}

Deferred<std::string> Election::take_seat() {
    for (;;) {
        bool reply_lost = false;
        try {
            const std::string prefix = path_ + "/" + mark_;
            const std::string created = co_await zk_.create(prefix, "", zk::CreateMode::ephemeral_sequential);
            co_return created.substr(path_.size() + 1);
        } catch (const zk::ConnectionLoss&) {
            reply_lost = true;
        }
        if (!reply_lost) continue;
        std::string seat = co_await find_seat();
        if (!seat.empty()) co_return seat;
    }
}

Deferred<std::string> Election::find_seat() {
    const auto seats = co_await insist([this] { return zk_.get_children(path_); });
    for (const auto& seat : seats) {
        if (seat.compare(0, mark_.size(), mark_) == 0) co_return seat;
    }
    co_return std::string();
}

}  // namespace view_mirror
