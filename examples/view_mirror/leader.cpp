#include "leader.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <stdexcept>

#include "plait/couch_async/errors.hpp"
#include "plait/couch_async/view/query.hpp"
#include "plait/couch_async/view_client.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/protocols/url.hpp"
#include "say.hpp"

namespace view_mirror {

namespace couch = plait::couch_async;
using plait::Deferred;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t most_segments = 64;
constexpr std::uint64_t rows_joined_at_once = 2000;
constexpr int most_attempts_without_progress = 6;
constexpr plait::Duration longest_pause = 5s;

couch::ViewClient client_of(plait::Reactor& reactor, const Config& config) {
    const auto dialect = config.dialect == "couchbase" ? couch::Dialect::couchbase : couch::Dialect::couchdb;
    return couch::ViewClient(reactor, config.url, dialect);
}

/// The configured query, from the checkpoint on. Rows mirrored already come once more and are told by their ids: to
/// skip so many blindly would lose a row if one of them was deleted meanwhile. For the same reason the limit is ours to
/// keep.
couch::ViewQuery query_from(const Config& config, const Checkpoint& checkpoint) {
    auto query = couch::parse_query(config.query);
    if (!checkpoint.last) return query;
    query.startkey(checkpoint.last->key).startkey_docid(checkpoint.last->id).clear("skip");
    return query;
}

std::uint64_t rows_wanted(const Config& config, const Checkpoint& checkpoint) {
    const auto limit = couch::parse_query(config.query).limit();
    if (!limit) return std::numeric_limits<std::uint64_t>::max();
    return *limit - std::min(*limit, checkpoint.rows());
}

std::string described(const Config& config) {
    return "view " + config.design + "/" + config.view + " of " + plait::Url::parse(config.url).str();
}

/// Asking again may help: the server or the connection had a bad moment.
bool worth_another_attempt(const plait::Failure& failure) {
    return failure.check<couch::TruncatedBody>() || failure.check<couch::ViewUnavailable>() ||
           failure.check<couch::ViewErrors>() || failure.check<couch::ViewTimeout>() ||
           failure.check<plait::NetworkError>();
}

}  // namespace

/// Hands every batch to its leader.
class Leader::Stream final : public couch::AsyncViewBase {
public:
    Stream(Leader& leader, const couch::ViewClient& client, couch::ViewSpec spec, couch::ViewQuery query,
           couch::ViewOptions options)
        : AsyncViewBase(client, std::move(spec), std::move(query), options), leader_(leader) {}

private:
    Deferred<> on_rows(couch::Rows rows) override { return leader_.hand_on(std::move(rows)); }

    Leader& leader_;
};

Leader::Leader(Surroundings surroundings) : at_(std::move(surroundings)) {}
Leader::~Leader() = default;

Deferred<> Leader::run() {
    co_await claim();
    for (;;) {
        restart_ = false;
        const Config* config = at_.config.current();
        if (config != nullptr) co_await mirror(*config);
        if (!restart_) co_await wait_for_config();
    }
}

void Leader::config_changed() {
    restart_ = true;
    if (stream_) stream_->cancel();
    if (config_arrived_.wanted()) config_arrived_.callback();
}

Deferred<> Leader::wait_for_config() {
    auto [arrived, promise] = plait::make_deferred();
    config_arrived_ = std::move(promise);
    co_await std::move(arrived);
}

Deferred<> Leader::claim() {
    checkpoint_ = co_await at_.node.read();
    checkpoint_.writer = at_.writer;
    co_await at_.node.write(checkpoint_);
    co_await at_.replica.catch_up(checkpoint_);
    if (checkpoint_.segments.size() > most_segments) co_await join_segments();
    say("leads in term " + at_.term + ", from row " + std::to_string(checkpoint_.rows()));
}

/// Each leadership adds a segment; the list must not grow for ever.
Deferred<> Leader::join_segments() {
    auto journal = std::make_unique<JournalWriter>(at_.directory, at_.term);
    for (const auto& segment : checkpoint_.segments) {
        JournalReader reader(at_.directory, segment, 0);
        std::uint64_t pending = 0;
        for (std::string row; reader.next(row);) {
            journal->add(row);
            if (++pending % rows_joined_at_once != 0) continue;
            journal->flush();
            co_await at_.reactor.sleep(plait::Duration::zero());
        }
    }
    journal->flush();
    Checkpoint next = checkpoint_;
    next.segments = {journal->segment()};
    co_await at_.node.write(next);
    checkpoint_ = std::move(next);
    journal_ = std::move(journal);
    co_await at_.replica.catch_up(checkpoint_);
}

Deferred<> Leader::mirror(Config config) {
    int attempts = 0;
    for (;;) {
        const auto rows_before = checkpoint_.rows();
        std::optional<plait::Failure> failure;
        try {
            co_await stream_once(config);
            co_return;
        } catch (const plait::Cancelled&) {
            if (restart_) co_return;
            throw;
        } catch (...) {
            failure = plait::Failure::current();
        }
        if (restart_) co_return;
        attempts = checkpoint_.rows() > rows_before ? 1 : attempts + 1;
        if (!worth_another_attempt(*failure) || attempts >= most_attempts_without_progress) failure->raise();
        say("streaming the " + described(config) + " broke off at row " + std::to_string(checkpoint_.rows()) + " (" +
            failure->message() + "); trying again");
        const plait::Duration pause = std::min<plait::Duration>(longest_pause, 100ms * (1 << attempts));
        co_await at_.reactor.sleep(pause);
        if (restart_) co_return;
    }
}

Deferred<> Leader::stream_once(const Config& config) {
    co_await prepare(config);
    if (!checkpoint_.complete && wanted_ > 0) {
        const auto client = client_of(at_.reactor, config);
        couch::ViewOptions options;
        options.batch.rows = config.batch;
        couch::ViewSpec spec{config.design, config.view};
        stream_ = std::make_unique<Stream>(*this, client, std::move(spec), query_from(config, checkpoint_), options);
        try {
            co_await stream_->start();
        } catch (const plait::Cancelled&) {
            if (wanted_ > 0) throw;
        }
    }
    co_await finish();
}

/// Brings what we hold in line with the znode: a batch may have been cut off anywhere between journal and checkpoint.
Deferred<> Leader::prepare(const Config& config) {
    stream_.reset();
    checkpoint_ = co_await at_.node.read();
    if (checkpoint_.writer != at_.writer) throw Replaced("another instance leads now");
    if (checkpoint_.source != config.source()) {
        checkpoint_ = Checkpoint{};
        checkpoint_.source = config.source();
        checkpoint_.writer = at_.writer;
        journal_.reset();
        co_await at_.node.write(checkpoint_);
    }
    co_await at_.replica.catch_up(checkpoint_);
    if (journal_) journal_->forget_batch();
    if (journal_ && (checkpoint_.segments.empty() || checkpoint_.segments.back() != journal_->segment())) {
        journal_.reset();
    }
    if (!journal_) journal_ = std::make_unique<JournalWriter>(at_.directory, at_.term);
    resuming_ = checkpoint_.last.has_value();
    skip_ = resuming_ ? checkpoint_.last->same : 0;
    descending_ = couch::parse_query(config.query).get("descending") == "true";
    wanted_ = rows_wanted(config, checkpoint_);
}

Deferred<> Leader::hand_on(couch::Rows rows) {
    Checkpoint next = checkpoint_;
    const auto first = first_new_row(rows);
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(wanted_, rows.size() - first));
    if (count == 0) co_return;
    for (auto i = first; i < first + count; ++i)
        add_to_journal(rows[i], next);
    journal_->flush();
    own_segment(next) = journal_->segment();
    co_await at_.node.write(next);
    checkpoint_ = std::move(next);
    for (auto i = first; i < first + count; ++i) {
        at_.replica.add(std::string(rows[i].id()), std::string(rows[i].raw()), journal_->segment());
    }
    wanted_ -= count;
    if (wanted_ == 0) stream_->cancel();
}

/// The index of the first row that is not mirrored yet.
std::size_t Leader::first_new_row(const couch::Rows& rows) {
    std::size_t first = 0;
    while (resuming_ && first < rows.size()) {
        resuming_ = is_mirrored(rows[first]);
        if (resuming_) ++first;
    }
    return first;
}

/// True for the rows that come again on resuming: the last one mirrored, and those before it of the same key, where the
/// server does not know startkey_docid.
bool Leader::is_mirrored(const couch::ViewRow& row) {
    const Position& last = *checkpoint_.last;
    if (row.key() != last.key) return false;
    if (row.id() == last.id) return skip_ > 0 && skip_-- > 0;
    return descending_ ? row.id() > last.id : row.id() < last.id;
}

void Leader::add_to_journal(const couch::ViewRow& row, Checkpoint& next) {
    if (row.id().empty()) {
        throw std::runtime_error(
            "its rows carry no document id, so there is nothing to go on from: mirror a view without "
            "a reduce, or put reduce=false into \"query\"");
    }
    journal_->add(row.raw());
    const bool again = next.last && next.last->key == row.key() && next.last->id == row.id();
    next.last = Position{std::string(row.key()), std::string(row.id()), again ? next.last->same + 1 : 1};
}

Segment& Leader::own_segment(Checkpoint& checkpoint) {
    const auto& file = journal_->segment().file;
    if (checkpoint.segments.empty() || checkpoint.segments.back().file != file) {
        checkpoint.segments.push_back(Segment{file, 0, 0});
    }
    return checkpoint.segments.back();
}

Deferred<> Leader::finish() {
    if (checkpoint_.complete) co_return;
    Checkpoint next = checkpoint_;
    next.complete = true;
    co_await at_.node.write(next);
    checkpoint_ = std::move(next);
    co_await at_.replica.catch_up(checkpoint_);
    say("has mirrored all " + std::to_string(checkpoint_.rows()) + " rows");
}

}  // namespace view_mirror
