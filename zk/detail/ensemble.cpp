#include "plait/zk/detail/ensemble.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace plait::zk::detail {
namespace {

std::string words_of(const Failure& failure) {
    const auto* error = failure.exception();
    return error != nullptr ? error->what() : failure.message();
}

}  // namespace

/// The connection's Protocol. Outlives the Ensemble when its transport does, and is then nobody's.
class Ensemble::Link final : public Protocol {
public:
    explicit Link(Ensemble& owner) noexcept : owner_(&owner) {}

    void disown() noexcept { owner_ = nullptr; }

    void connection_made() override {
        if (owner_ != nullptr) {
            owner_->made(*this);
        } else {
            transport().abort_connection();
        }
    }
    void data_received(const Bytes& data) override {
        if (owner_ != nullptr) owner_->events_.link_received(data);
    }
    void connection_lost(const Failure& reason) override {
        if (owner_ != nullptr) owner_->lost(*this, words_of(reason));
    }

private:
    Ensemble* owner_;
};

Ensemble::Ensemble(Clock& clock, std::shared_ptr<Connector> connector, std::vector<HostPort> hosts,
                   EnsembleSettings settings, EnsembleEvents& events)
    : clock_(clock),
      connector_(std::move(connector)),
      settings_(settings),
      events_(events),
      random_(std::random_device()()) {
    for (auto& where : hosts)
        hosts_.push_back({std::move(where), "not tried yet"});
    if (settings_.shuffle_hosts) std::shuffle(hosts_.begin(), hosts_.end(), random_);
}

Ensemble::~Ensemble() {
    let_go_of_link(false);
}

void Ensemble::start() {
    attempt();
}

void Ensemble::attempt() {
    current_ = next_;
    next_ = (next_ + 1) % hosts_.size();
    ++attempts_;
    accepted_ = false;
    link_ = std::make_shared<Link>(*this);
    attempt_timer_ = clock_.call_later(settings_.attempt_timeout, [this] {
        const auto limit = std::chrono::duration<double>(settings_.attempt_timeout).count();
        attempt_failed(fmt::format("no answer within {:.1f} s", limit));
    });
    connecting_ = connector_->connect(hosts_[current_].where, link_)
                      .add_callbacks([](const std::shared_ptr<Protocol>&) {},
                                     [this](const Failure& failure) { attempt_failed(words_of(failure)); });
}

/// The attempt, or the connection it made, is over.
void Ensemble::attempt_failed(const std::string& reason) {
    attempt_timer_.cancel();
    let_go_of_link(false);
    hosts_[current_].failure = reason;
    attempt_later();
    events_.link_lost(fmt::format("{}: {}", hosts_[current_].where.str(), reason));
}

/// A connection that lasted is replaced at once; a server that accepts and hangs up again is not asked in a hurry.
void Ensemble::attempt_later() {
    if (std::exchange(accepted_, false) && clock_.now() - accepted_at_ >= settings_.retry_delay) attempts_ = 0;
    Duration delay{0};
    if (attempts_ > 0 && attempts_ % hosts_.size() == 0) {
        const auto rounds = std::min<std::size_t>(attempts_ / hosts_.size() - 1, 30);
        const auto longest = std::min<double>(
            static_cast<double>(settings_.max_retry_delay.count()),
            static_cast<double>(settings_.retry_delay.count()) * static_cast<double>(std::uint64_t{1} << rounds));
        delay = Duration(static_cast<Duration::rep>(longest * std::uniform_real_distribution<>(0.5, 1.0)(random_)));
    }
    retry_timer_ = clock_.call_later(delay, [this] { attempt(); });
}

void Ensemble::made(Link& link) {
    if (stopping_) return link.transport().abort_connection();
    events_.link_made();
}

void Ensemble::accepted() {
    attempt_timer_.cancel();
    accepted_ = true;
    accepted_at_ = clock_.now();
    hosts_[current_].failure.clear();
}

void Ensemble::lost(Link& link, const std::string& reason) {
    if (&link != link_.get()) return;
    if (stopping_) {
        attempt_timer_.cancel();
        let_go_of_link(false);
        return events_.link_stopped();
    }
    attempt_failed(accepted_ ? reason : fmt::format("the connection ended before the session began: {}", reason));
}

void Ensemble::write(std::span<const Bytes> frames) {
    if (link_ != nullptr) link_->transport().write_sequence(frames);
}

void Ensemble::drop(std::string_view reason) {
    if (stopping_ || link_ == nullptr) return;
    attempt_timer_.cancel();
    let_go_of_link(false);
    hosts_[current_].failure = reason;
    attempt_later();
}

void Ensemble::stop(Duration patience) {
    if (std::exchange(stopping_, true)) return;
    retry_timer_.cancel();
    attempt_timer_.cancel();
    const bool linked = link_ != nullptr && link_->connected();
    if (!linked) {
        let_go_of_link(false);
        retry_timer_ = clock_.call_later(Duration::zero(), [this] { events_.link_stopped(); });
        return;
    }
    connecting_ = {};
    link_->transport().lose_connection();
    attempt_timer_ = clock_.call_later(patience, [this] {
        if (link_ != nullptr) link_->transport().abort_connection();
    });
}

void Ensemble::abandon() {
    stopping_ = true;
    retry_timer_.cancel();
    attempt_timer_.cancel();
    let_go_of_link(true);
}

void Ensemble::let_go_of_link(bool in_good_order) {
    connecting_ = {};
    const auto link = std::exchange(link_, nullptr);
    if (link == nullptr) return;
    link->disown();
    if (!link->connected()) return;
    if (!in_good_order) return link->transport().abort_connection();
    link->transport().lose_connection();
    clock_.call_later(settings_.farewell, [link] { link->transport().abort_connection(); }).detach();
}

std::string Ensemble::failures() const {
    std::string text;
    for (const auto& host : hosts_) {
        fmt::format_to(std::back_inserter(text), "{}{} ({})", text.empty() ? "" : ", ", host.where.str(), host.failure);
    }
    return text;
}

std::string Ensemble::server() const {
    return accepted_ && link_ != nullptr ? hosts_[current_].where.str() : std::string();
}

}  // namespace plait::zk::detail
