#include "plait/reactor/detail/happy_eyeballs.hpp"

#include <algorithm>
#include <utility>

namespace plait::detail {

void HappyEyeballs::add(const std::vector<Address>& found) {
    for (const Address& address : found) {
        if (known_.size() == most_addresses) break;
        if (std::find(known_.begin(), known_.end(), address) != known_.end()) continue;
        known_.push_back(address);
        (address.ip.find(':') != std::string::npos ? ipv6_ : ipv4_).push_back(address);
    }
    go_on();
}

void HappyEyeballs::no_more() {
    complete_ = true;
    go_on();
}

void HappyEyeballs::failed(const Address& address, int error) {
    failures_.push_back({address, error});
    --under_way_;
    next_.cancel();
    go_on();
}

/// Only the first attempt waits for IPv6: once one is under way, its family has had its chance.
bool HappyEyeballs::waits_for_ipv6() const noexcept {
    return timing_.ipv6_wanted && !began_ && !complete_ && !waited_ && ipv6_.empty();
}

void HappyEyeballs::go_on() {
    const bool left = !ipv6_.empty() || !ipv4_.empty();
    if (!left) {
        if (complete_ && under_way_ == 0) sockets_.exhausted();
        return;
    }
    if (waits_for_ipv6()) {
        if (resolution_.active()) return;
        resolution_ = clock_.call_later(timing_.resolution_delay, [this] {
            waited_ = true;
            go_on();
        });
        return;
    }
    if (!next_.active()) open_next();
}

/// Those that fail at once cost no delay.
void HappyEyeballs::open_next() {
    while (!ipv6_.empty() || !ipv4_.empty()) {
        const Address address = take_next();
        const int error = sockets_.open(address);
        if (error != 0) {
            failures_.push_back({address, error});
            continue;
        }
        ++under_way_;
        next_ = clock_.call_later(timing_.attempt_delay, [this] { go_on(); });
        return;
    }
    if (complete_ && under_way_ == 0) sockets_.exhausted();
}

Address HappyEyeballs::take_next() {
    const bool ipv6 = !ipv6_.empty() && (ipv4_.empty() || !last_was_ipv6_ || !began_);
    std::deque<Address>& from = ipv6 ? ipv6_ : ipv4_;
    Address address = std::move(from.front());
    from.pop_front();
    last_was_ipv6_ = ipv6;
    began_ = true;
    return address;
}

}  // namespace plait::detail
