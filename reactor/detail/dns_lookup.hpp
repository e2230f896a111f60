// One question to the name servers: records of some types of one name, through search domains. By c-ares.
// Not the meaning of the records: who asks reads the replies.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/unique_function.hpp"

namespace plait {
struct NameOptions;
class Reactor;
}  // namespace plait

namespace plait::detail {

/// The numbers are those of DNS.
enum class RecordType : int { a = 1, ptr = 12, txt = 16, aaaa = 28, srv = 33 };

enum class ReplyHas { records, none, nonsense };

struct DnsQuestion {
    /// Takes the records out of a reply. What it throws fails the look-up; it may drop that.
    using Read = UniqueFunction<ReplyHas(RecordType type, std::string_view reply)>;

    std::string name;
    std::vector<RecordType> types;  ///< asked at once; the answer of one is enough
    const char* what;               ///< "an address for", for messages
    bool complete_name;             ///< with the search domains
    Read read;
};

/// Fires:  when all types were answered for a name that has records, after `read`. Never before this has returned.
/// Fails:  with a NameError.
/// Cancel: closes the sockets.
Deferred<> ask_name_servers(Reactor& reactor, std::shared_ptr<const NameOptions> options, DnsQuestion question);

/// False for what no server should be asked: empty, too long, with characters that no name has.
bool is_askable_name(std::string_view name) noexcept;

}  // namespace plait::detail
