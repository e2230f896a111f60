#include "plait/reactor/detail/dns_lookup.hpp"

#include <ares.h>
#include <sys/time.h>

#include <algorithm>
#include <list>
#include <optional>
#include <utility>

#include "plait/reactor/detail/attempt_pause.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/detail/socket.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/names.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait::detail {
namespace {

constexpr std::size_t most_domains = 8;

/// What cannot be printed, or is too long to read, is left out.
std::string readable(const DnsQuestion& question) {
    std::string text;
    for (const char c : question.name.substr(0, 253))
        text += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? '?' : c;
    return text;
}

/// "cannot find an address for \"db.example\": "
std::string complaint(const DnsQuestion& question) {
    return std::string("cannot find ") + question.what + " \"" + readable(question) + "\": ";
}

Failure ended(const DnsQuestion& question) {
    return make_failure(NameError(complaint(question) + "the reactor was stopped or destroyed"));
}

/// A channel of c-ares of its own for each look-up: cancelling it is destroying the channel, and a change of
/// /etc/resolv.conf counts from the next one on. Making a channel reads small files; look-ups are made to connect,
/// which costs far more.
///
/// Nothing of ours is called from inside c-ares but to note sockets and answers: what follows from them happens after
/// it has returned.
///
/// Lifetime: owns itself until it has its result, is dropped, or the reactor is destroyed.
class DnsLookup final : public Doomed, private Resource {
public:
    static Deferred<> start(ReactorCore& core, std::shared_ptr<const NameOptions> options, DnsQuestion question);

private:
    /// A socket of c-ares, watched while it wants that.
    struct Socket final : EventHandler {
        Socket(DnsLookup& owner, int fd) : lookup(owner), watch(owner.core_.iops(), fd, *this) {}

        void event_ready(IOFlags flags) noexcept override {
            const bool reads = any(flags & (IOFlags::read | IOFlags::error));
            const bool writes = any(flags & (IOFlags::write | IOFlags::error));
            const int fd = watch.fd();
            lookup.process(reads ? fd : ARES_SOCKET_BAD, writes ? fd : ARES_SOCKET_BAD);  // may destroy this
        }

        DnsLookup& lookup;
        IOWatch watch;
    };

    struct Answer {
        RecordType type;
        int status;
        std::string reply;
    };

    /// What c-ares carries along with a query.
    struct Asked {
        DnsLookup* lookup;
        RecordType type;
    };

    DnsLookup(ReactorCore& core, std::shared_ptr<const NameOptions> options, DnsQuestion question)
        : core_(core), options_(std::move(options)), question_(std::move(question)) {}

    void begin();
    int open_channel();
    int set_servers();
    void list_candidates();
    void ask();
    void socket_changed(int fd, bool readable, bool writable) noexcept;
    void process(ares_socket_t readable, ares_socket_t writable) noexcept;
    void set_timer();
    void use_answers();
    ReplyHas read(const Answer& answer);
    void note_status(int status);
    void candidate_done();
    void finish(const std::optional<Failure>& failure);
    Failure failure(int status) const;
    void reactor_destroyed() noexcept override;
    std::string describe() const override { return "a look-up of " + readable(question_); }
    void stop() noexcept;

    ReactorCore& core_;
    std::shared_ptr<const NameOptions> options_;
    DnsQuestion question_;
    Promise<> promise_;
    ares_channel channel_ = nullptr;
    std::list<Asked> asked_;
    std::list<Socket> sockets_;
    std::vector<std::string> candidates_;  ///< names still to be asked for, the next one last
    std::vector<Answer> answers_;
    std::size_t pending_ = 0;  ///< questions about the present candidate
    bool found_ = false;
    bool missing_ = false;           ///< the present candidate does not exist
    int error_ = ARES_SUCCESS;       ///< with the present candidate, other than that it is not there
    int unanswered_ = ARES_SUCCESS;  ///< such an error with one of the candidates so far
    int why_not_ = ARES_ENOTFOUND;   ///< of all candidates so far
    DelayedCall timer_;
    DelayedCall limit_;
    bool over_ = false;
};

Deferred<> DnsLookup::start(ReactorCore& core, std::shared_ptr<const NameOptions> options, DnsQuestion question) {
    auto* self = new DnsLookup(core, std::move(options), std::move(question));
    core.add_resource(*self);
    auto [deferred, promise] = make_deferred<>([self] { self->stop(); });
    self->promise_ = std::move(promise);
    self->begin();
    return std::move(deferred);
}

void DnsLookup::begin() {
    limit_ = core_.reactor().call_later(options_->timeout, [this] { finish(failure(ARES_ETIMEOUT)); });
    if (const int status = open_channel(); status != ARES_SUCCESS) {
        error_ = status;
        timer_ = core_.reactor().call_later(Duration::zero(), [this] { candidate_done(); });
        return;
    }
    list_candidates();
    ask();
    set_timer();
}

int DnsLookup::open_channel() {
    static const int library = ares_library_init(ARES_LIB_INIT_ALL);
    if (library != ARES_SUCCESS) return library;
    ares_options options{};
    int given = ARES_OPT_SOCK_STATE_CB;
    options.sock_state_cb_data = this;
    options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
        static_cast<DnsLookup*>(self)->socket_changed(fd, readable != 0, writable != 0);
    };
    if (options_->try_timeout) {
        const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(*options_->try_timeout).count();
        options.timeout = static_cast<int>(std::clamp<std::int64_t>(milliseconds, 1, 3'600'000));
        given |= ARES_OPT_TIMEOUTMS;
    }
    if (options_->tries) {
        options.tries = *options_->tries;
        given |= ARES_OPT_TRIES;
    }
    const int status = ares_init_options(&channel_, &options, given);
    if (status != ARES_SUCCESS) return status;
    return options_->servers.empty() ? ARES_SUCCESS : set_servers();
}

int DnsLookup::set_servers() {
    std::vector<ares_addr_port_node> nodes(options_->servers.size());
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const Address& server = options_->servers[i];
        ares_addr_port_node& node = nodes[i];
        node.next = i + 1 < nodes.size() ? &nodes[i + 1] : nullptr;
        node.family = server.ip.find(':') == std::string::npos ? AF_INET : AF_INET6;
        node.udp_port = node.tcp_port = server.port;
        if (ares_inet_pton(node.family, server.ip.c_str(), &node.addr) != 1) return ARES_EBADSTR;
    }
    return ares_set_servers_ports(channel_, nodes.data());
}

void DnsLookup::list_candidates() {
    const std::string& name = question_.name;
    std::vector<std::string> domains = options_->search.value_or(std::vector<std::string>());
    int ndots = options_->ndots.value_or(1);
    ares_options saved{};
    int given = 0;
    if (ares_save_options(channel_, &saved, &given) == ARES_SUCCESS) {
        if (!options_->ndots) ndots = saved.ndots;
        if (!options_->search)
            for (int i = 0; i < saved.ndomains; ++i)
                domains.emplace_back(saved.domains[i]);
        ares_destroy_options(&saved);
    }
    const bool absolute = !question_.complete_name || name.ends_with('.');
    if (absolute) domains.clear();
    if (domains.size() > most_domains) domains.resize(most_domains);
    const bool as_it_is_first = std::count(name.begin(), name.end(), '.') >= ndots;
    if (!as_it_is_first) candidates_.push_back(name);
    for (auto domain = domains.rbegin(); domain != domains.rend(); ++domain)
        if (!domain->empty() && is_askable_name(name + "." + *domain)) candidates_.push_back(name + "." + *domain);
    if (as_it_is_first) candidates_.push_back(name);
}

/// Asks for the next candidate.
void DnsLookup::ask() {
    const std::string name = std::move(candidates_.back());
    candidates_.pop_back();
    missing_ = false;
    error_ = ARES_SUCCESS;
    pending_ = question_.types.size();
    for (const RecordType type : question_.types) {
        Asked& asked = asked_.emplace_back(Asked{this, type});
        ares_query(
            channel_, name.c_str(), 1 /* IN */, static_cast<int>(type),
            [](void* argument, int status, int, unsigned char* reply, int size) {
                const Asked& about = *static_cast<Asked*>(argument);
                if (about.lookup->over_) return;
                std::string bytes;
                if (reply != nullptr)
                    bytes.assign(reinterpret_cast<const char*>(reply), static_cast<std::size_t>(size));
                about.lookup->answers_.push_back({about.type, status, std::move(bytes)});
            },
            &asked);
    }
}

void DnsLookup::socket_changed(int fd, bool readable, bool writable) noexcept {
    auto socket = std::find_if(sockets_.begin(), sockets_.end(), [fd](const Socket& s) { return s.watch.fd() == fd; });
    if (!readable && !writable) {
        if (socket != sockets_.end()) sockets_.erase(socket);
        return;
    }
    if (socket == sockets_.end()) socket = sockets_.emplace(sockets_.end(), *this, fd);
    const IOFlags reads = readable ? IOFlags::read : IOFlags::none;
    const IOFlags writes = writable ? IOFlags::write : IOFlags::none;
    socket->watch.watch(reads | writes);
}

void DnsLookup::process(ares_socket_t readable, ares_socket_t writable) noexcept {
    const ReactorCore::Turn turn(core_);
    if (over_) return;
    ares_process_fd(channel_, readable, writable);
    use_answers();
    if (!over_) set_timer();
}

/// For the next retry of c-ares; or for answers that were known at once: look-ups never call back before they have
/// returned.
void DnsLookup::set_timer() {
    if (!answers_.empty()) {
        timer_ = core_.reactor().call_later(Duration::zero(), [this] { process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); });
        return;
    }
    timeval left{};
    if (ares_timeout(channel_, nullptr, &left) == nullptr) return timer_.cancel();
    const Duration delay = std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
    timer_ = core_.reactor().call_later(delay, [this] { process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); });
}

void DnsLookup::use_answers() {
    for (const Answer& answer : std::exchange(answers_, {})) {
        --pending_;
        if (answer.status != ARES_SUCCESS) {
            note_status(answer.status);
            continue;
        }
        const ReplyHas has = read(answer);
        if (over_) return;
        if (has == ReplyHas::records) found_ = true;
        if (has == ReplyHas::none) note_status(ARES_ENODATA);
        if (has == ReplyHas::nonsense) note_status(ARES_EBADRESP);
    }
    if (pending_ == 0) candidate_done();
}

ReplyHas DnsLookup::read(const Answer& answer) {
    try {
        DnsQuestion::Read reads = std::move(question_.read);  // it may drop us
        const ReplyHas has = reads(answer.type, answer.reply);
        if (!over_) question_.read = std::move(reads);
        return has;
    } catch (...) {
        if (!over_) finish(Failure::current());
        return ReplyHas::nonsense;
    }
}

void DnsLookup::note_status(int status) {
    if (status == ARES_ENOTFOUND) {
        missing_ = true;
    } else if (status == ARES_ENODATA) {
        why_not_ = ARES_ENODATA;
    } else {
        error_ = status;
    }
}

/// All types were answered. A name that is not there leads to the next one, and so does one that its servers fail to
/// answer for: that may be so of its domain alone. Servers that say nothing end it, for the next name would only take
/// as long.
void DnsLookup::candidate_done() {
    if (found_) return finish(std::nullopt);
    if (!missing_ && error_ != ARES_SUCCESS) unanswered_ = error_;
    if (unanswered_ == ARES_ETIMEOUT || candidates_.empty())
        return finish(failure(unanswered_ != ARES_SUCCESS ? unanswered_ : why_not_));
    ask();
}

void DnsLookup::finish(const std::optional<Failure>& failure) {
    stop();
    if (failure) return promise_.errback(*failure);
    promise_.callback();
}

Failure DnsLookup::failure(int status) const {
    const std::string text = complaint(question_);
    const std::string said = ares_strerror(status);
    switch (status) {
        case ARES_ENOTFOUND:
            return make_failure(NameNotFound(text + "there is no such name; check the name"));
        case ARES_ENODATA:
            return make_failure(NameNotFound(text + "the name exists, but has none; check the name"));
        case ARES_EBADNAME:
            return make_failure(NameNotFound(text + "it is not a possible name; check the name"));
        case ARES_ETIMEOUT:
            return make_failure(
                NameTimeout(text + "no name server answered in time; are the name servers and the network up?"));
        case ARES_ECONNREFUSED:
            return make_failure(NameServerFailed(
                text + "no name server could be asked, or none could answer; are the name servers up?"));
        default:
            return make_failure(NameServerFailed(text + said));
    }
}

void DnsLookup::reactor_destroyed() noexcept {
    stop();
    promise_.errback(ended(question_));
}

/// Ends everything but the Promise.
void DnsLookup::stop() noexcept {
    if (std::exchange(over_, true)) return;
    timer_.cancel();
    limit_.cancel();
    if (channel_ != nullptr) ares_destroy(std::exchange(channel_, nullptr));
    sockets_.clear();
    ListHook<ResourceTag>::unlink();
    core_.destroy_later(std::unique_ptr<Doomed>(this));
}

}  // namespace

Deferred<> ask_name_servers(Reactor& reactor, std::shared_ptr<const NameOptions> options, DnsQuestion question) {
    const std::string text = complaint(question);
    if (reactor.core().closing()) return plait::fail(NameError(text + "the reactor is being destroyed"));
    if (!is_askable_name(question.name))
        return pause_attempt(reactor, Duration::zero(), "a look-up of " + readable(question), ended(question))
            .add_callback([text]() -> Deferred<> {
                return plait::fail(
                    NameNotFound(text +
                                 "it is not a possible name; names have letters, digits, \"-\", \"_\" and single dots, "
                                 "at most 253 characters; check the name"));
            });
    return DnsLookup::start(reactor.core(), std::move(options), std::move(question));
}

bool is_askable_name(std::string_view name) noexcept {
    if (name.ends_with('.')) name.remove_suffix(1);
    if (name.empty() || name.size() > 253) return false;
    std::size_t label = 0;
    for (const char c : name) {
        const auto code = static_cast<unsigned char>(c);
        if (code <= ' ' || code >= 0x7f || c == '\\') return false;
        if (c == '.' && label == 0) return false;
        label = c == '.' ? 0 : label + 1;
        if (label > 63) return false;
    }
    return label != 0;
}

}  // namespace plait::detail
