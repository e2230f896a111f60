#include "mirror.hpp"

#include "election.hpp"
#include "plait/deferred/gather.hpp"
#include "query_server.hpp"
#include "say.hpp"
#include "znodes.hpp"

namespace view_mirror {

using plait::Deferred;
namespace zk = plait::zk;

Mirror::Mirror(plait::Reactor& reactor, MirrorOptions options)
    : reactor_(reactor), options_(std::move(options)), replica_(reactor, options_.data) {
    Answers answers{[this]() -> const Store& { return replica_.store(); }, [this] { return status(); }};
    port_ = plait::listen_tcp(reactor_, options_.listen, make_query_factory(std::move(answers)));
    say("answers on " + port_->address().str());
}

Mirror::~Mirror() = default;

Deferred<> Mirror::run() {
    std::exception_ptr end;
    try {
        co_await sessions();
    } catch (...) {
        end = std::current_exception();
    }
    co_await close_session();
    std::rethrow_exception(end);
}

Deferred<> Mirror::sessions() {
    for (;;) {
        std::string why;
        try {
            co_await one_session();
        } catch (const zk::SessionExpired&) {
            why = "the ZooKeeper session expired";
        } catch (const Replaced& replaced) {
            why = replaced.what();
        } catch (const zk::ConnectTimeout& timeout) {
            // The first time an operator looks on; later this is a service that waits for its ensemble.
            if (!connected_once_) throw;
            why = timeout.what();
        }
        say(why + "; starting over as a candidate");
        co_await close_session();
    }
}

Deferred<> Mirror::one_session() {
    zk::ClientOptions options;
    options.session_timeout = options_.session_timeout;
    options.connect_timeout = options_.connect_timeout;
    zk_ = std::make_unique<zk::Client>(reactor_, options_.zk, options);
    co_await zk_->connect();
    connected_once_ = true;
    for (const char* node : {"", "/election", "/checkpoint"}) {
        std::string path = options_.path + node;
        co_await ensure(*zk_, std::move(path));
    }

    config_ = std::make_unique<ConfigWatch>(*zk_, options_.path + "/config", [this] {
        if (leader_) leader_->config_changed();
    });
    node_ = std::make_unique<CheckpointNode>(*zk_, options_.path + "/checkpoint");
    election_ = std::make_unique<Election>(*zk_, options_.path + "/election");
    auto configured = config_->run();
    auto mirrored = take_part();
    co_await plait::gather(std::move(configured), std::move(mirrored));
}

Deferred<> Mirror::take_part() {
    term_ = co_await follow_until_leading();
    Leader::Surroundings surroundings{
        reactor_, *node_, *config_, replica_, options_.data, options_.name + " in term " + term_, term_};
    leader_ = std::make_unique<Leader>(std::move(surroundings));
    co_await leader_->run();
}

Deferred<std::string> Mirror::follow_until_leading() {
    auto [leading, promise] = plait::make_deferred<std::string>();
    auto outcome = std::make_shared<plait::Promise<std::string>>(std::move(promise));
    const auto fail = [outcome](plait::Failure failure) {
        if (outcome->wanted()) outcome->errback(std::move(failure));
    };
    // Both are dropped, wherever they stand, as soon as one has decided.
    auto following = replica_.follow(*zk_, node_->path()).add_errback(fail);
    auto winning = election_->win()
                       .add_callback([outcome](std::string term) {
                           if (outcome->wanted()) outcome->callback(std::move(term));
                       })
                       .add_errback(fail);
    co_return co_await std::move(leading);
}

Deferred<> Mirror::close_session() {
    leader_.reset();
    election_.reset();
    node_.reset();
    config_.reset();
    term_.clear();
    if (!zk_) co_return;
    try {
        co_await zk_->close();
    } catch (const zk::Error&) {
        // It ends by itself then, after the session time-out.
    }
    zk_.reset();
}

std::string Mirror::status() const {
    const auto& store = replica_.store();
    std::string line = std::string("role=") + (leader_ ? "leader" : "follower");
    line += " rows=" + std::to_string(store.rows());
    line += " repeated=" + std::to_string(store.repeated());
    line += std::string(" complete=") + (replica_.complete() ? "yes" : "no");
    line += " term=" + (term_.empty() ? "-" : term_);
    line += " name=" + options_.name;
    return line;
}

}  // namespace view_mirror
