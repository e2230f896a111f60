#include "plait/reactor/names.hpp"

#include <algorithm>
#include <utility>

#include "plait/deferred/attach.hpp"
#include "plait/reactor/detail/attempt_pause.hpp"
#include "plait/reactor/detail/dns_lookup.hpp"
#include "plait/reactor/detail/dns_records.hpp"
#include "plait/reactor/detail/hosts_file.hpp"
#include "plait/reactor/detail/name_order.hpp"
#include "plait/reactor/detail/reactor_core.hpp"
#include "plait/reactor/detail/socket.hpp"
#include "plait/reactor/errors.hpp"

namespace plait {
namespace {

void require(bool sensible, const char* sentence) {
    if (!sensible) throw UsageError(sentence);
}

std::string nothing_found(const std::string& host) {
    return "cannot find an address for \"" + host + "\": ";
}

bool wanted(AddressFamily family, AddressFamily one) {
    return family == AddressFamily::any || family == one;
}

/// What this machine knows by itself.
std::vector<std::string> local_addresses(const NameOptions& options, const std::string& host, AddressFamily family) {
    std::vector<std::string> found = detail::find_in_hosts_file(options.hosts_file, host, family);
    if (found.empty() && detail::is_localhost(host))
        for (const char* ip : {"::1", "127.0.0.1"})
            if (detail::is_of(family, ip)) found.emplace_back(ip);
    return found;
}

/// Fires with what is known of `host` after this has returned.
Deferred<std::vector<std::string>> soon(Reactor& reactor, const std::string& host, std::vector<std::string> known) {
    Failure ended = make_failure(NameError(nothing_found(host) + "the reactor was stopped or destroyed"));
    return detail::pause_attempt(reactor, Duration::zero(), "a look-up of " + host, std::move(ended))
        .add_callback([known = std::move(known)]() mutable { return std::move(known); });
}

}  // namespace

NameResolver::NameResolver(Reactor& reactor, NameOptions options)
    : reactor_(reactor), options_(std::make_shared<const NameOptions>(std::move(options))) {
    for (const Address& server : options_->servers)
        require(is_numeric_address(server.ip) && server.ip.find('%') == std::string::npos,
                "NameOptions::servers has one that is not a numeric address.");
    require(!options_->try_timeout || *options_->try_timeout > Duration::zero(),
            "NameOptions::try_timeout is not above 0.");
    require(options_->timeout > Duration::zero(), "NameOptions::timeout is not above 0.");
    require(!options_->tries || *options_->tries > 0, "NameOptions::tries is not above 0.");
    require(!options_->ndots || *options_->ndots >= 0, "NameOptions::ndots is below 0.");
}

Deferred<> NameResolver::look_up(const std::string& host, AddressFamily family, Found found) {
    if (options_->family != AddressFamily::any) {
        if (family != AddressFamily::any && family != options_->family)
            return fail(NameNotFound(nothing_found(host) + "this resolver does not look for addresses of that family"));
        family = options_->family;
    }
    if (auto known = local_addresses(*options_, host, family); !known.empty())
        return soon(reactor_, host, std::move(known)).add_callback(std::move(found));
    detail::DnsQuestion question;
    question.name = host;
    question.what = "an address for";
    question.complete_name = true;
    if (wanted(family, AddressFamily::ipv6)) question.types.push_back(detail::RecordType::aaaa);
    if (wanted(family, AddressFamily::ipv4)) question.types.push_back(detail::RecordType::a);
    question.read = [found = std::move(found)](detail::RecordType type, std::string_view reply) mutable {
        std::vector<std::string> ips;
        const detail::ReplyHas has = detail::read_addresses(type, reply, ips);
        if (has == detail::ReplyHas::records) found(std::move(ips));
        return has;
    };
    return detail::ask_name_servers(reactor_, options_, std::move(question));
}

namespace {

/// Asks for one type of record and collects what `read(reply, out)` finds.
template <typename Out, typename Read>
Deferred<Out> collect(Reactor& reactor, const std::shared_ptr<const NameOptions>& options, std::string name,
                      const char* what, detail::RecordType type, Read read) {
    auto out = std::make_shared<Out>();
    detail::DnsQuestion question{std::move(name), {type}, what, type != detail::RecordType::ptr, {}};
    question.read = [out, read](detail::RecordType, std::string_view reply) { return read(reply, *out); };
    return detail::ask_name_servers(reactor, options, std::move(question)).add_callback([out] {
        return std::move(*out);
    });
}

}  // namespace

Deferred<std::vector<ServiceRecord>> NameResolver::look_up_service(const std::string& name) {
    return collect<std::vector<ServiceRecord>>(reactor_, options_, name, "the service", detail::RecordType::srv,
                                               detail::read_services);
}

Deferred<std::vector<std::string>> NameResolver::look_up_texts(const std::string& name) {
    return collect<std::vector<std::string>>(reactor_, options_, name, "texts of", detail::RecordType::txt,
                                             detail::read_texts);
}

Deferred<std::string> NameResolver::look_up_name(const std::string& ip) {
    std::string name = detail::reverse_name(ip);
    if (name.empty())
        return fail<std::string>(NameNotFound("cannot find a name for \"" + ip + "\": it is not a numeric address"));
    return collect<std::string>(reactor_, options_, std::move(name), "a name for", detail::RecordType::ptr,
                                detail::read_name);
}

std::shared_ptr<Resolver> install_resolver(Reactor& reactor, std::shared_ptr<Resolver> resolver) {
    const auto before = resolver_of(reactor);
    reactor.core().resolver() = std::move(resolver);
    return before;
}

std::shared_ptr<Resolver> resolver_of(Reactor& reactor) {
    std::shared_ptr<Resolver>& resolver = reactor.core().resolver();
    if (resolver == nullptr) resolver = std::make_shared<NameResolver>(reactor);
    return resolver;
}

Deferred<std::vector<Address>> resolve(Reactor& reactor, HostPort where, AddressFamily family) {
    if (Address numeric{where.host, where.port}; detail::to_socket_address(numeric)) {
        if (detail::is_of(family, where.host)) return Deferred<std::vector<Address>>::succeed({std::move(numeric)});
        return fail<std::vector<Address>>(
            NameNotFound(nothing_found(where.host) + "it is an address of the other family"));
    }
    if (reactor.core().closing())
        return fail<std::vector<Address>>(NameError(nothing_found(where.host) + "the reactor is being destroyed"));
    auto all = std::make_shared<std::vector<Address>>();
    const auto resolver = resolver_of(reactor);
    return resolver
        ->look_up(where.host, family,
                  [all, port = where.port](const std::vector<std::string>& ips) {
                      for (const std::string& ip : ips)
                          if (const Address one{ip, port}; std::find(all->begin(), all->end(), one) == all->end())
                              all->push_back(one);
                  })
        .attach(resolver)
        .add_callback([all, host = where.host] {
            if (all->empty()) throw NameNotFound(nothing_found(host) + "the resolver found none; check the name");
            detail::order_addresses(*all);
            return std::move(*all);
        });
}

Deferred<std::vector<ServiceRecord>> resolve_service(Reactor& reactor, const std::string& name) {
    const auto resolver = resolver_of(reactor);
    return resolver->look_up_service(name).attach(resolver).add_callback([name](std::vector<ServiceRecord> found) {
        std::erase_if(found, [](const ServiceRecord& record) { return record.host.empty() || record.host == "."; });
        if (found.empty())
            throw NameNotFound("cannot find the service \"" + name + "\": its domain says that it is not offered");
        detail::order_services(found, detail::random_up_to);
        return found;
    });
}

}  // namespace plait
