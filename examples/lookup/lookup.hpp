// Lookup: a protocol of one request and one answer, made up to show how a protocol is built on Plait;
// docs/new_protocol.md goes through it. Not a product: no server keeps words for you.
//
//     request = record: int id, key                    record = int length, `length` bytes
//     answer  = record: int id, byte found, value      answers come in any order
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "plait/reactor/client_service.hpp"
#include "plait/reactor/endpoint.hpp"
#include "plait/reactor/protocols/int_n_receiver.hpp"

namespace lookup {

// snippet: records
struct Request {
    std::uint32_t id = 0;
    std::string key;
};

struct Answer {
    std::uint32_t id = 0;
    std::optional<plait::Bytes> value;  // a slice of what was received
};

/// What came is no such record.
class BadRecord : public plait::Error {
public:
    using Error::Error;
};

plait::Bytes encode(const Request& request);
plait::Bytes encode(const Answer& answer);
Request decode_request(const plait::Bytes& record);  // throws BadRecord
Answer decode_answer(const plait::Bytes& record);    // throws BadRecord
// end of snippet

// snippet: session
/// Who waits for which answer. Knows no socket: what is to be sent goes to a function.
class Session {
public:
    using Value = std::optional<plait::Bytes>;
    static constexpr std::size_t most_waiting = 1000;

    explicit Session(std::function<void(plait::Bytes)> send) : send_(std::move(send)) {}

    plait::Deferred<Value> ask(std::string key);
    void received(const Answer& answer);  // throws BadRecord: nobody asked for it
    void lost(const plait::Failure& why);

private:
    std::function<void(plait::Bytes)> send_;
    std::map<std::uint32_t, plait::Promise<Value>> waiting_;
    std::uint32_t last_id_ = 0;
};
// end of snippet

// snippet: protocol
/// A Session on a connection. What a callback throws, ends the connection with that as the reason.
class Protocol : public plait::Int32StringReceiver {
public:
    plait::Deferred<Session::Value> ask(std::string key) { return session_.ask(std::move(key)); }

    void string_received(plait::Bytes record) override { session_.received(decode_answer(record)); }
    void connection_lost(const plait::Failure& why) override { session_.lost(why); }

private:
    Session session_{[this](plait::Bytes record) { send_string(std::move(record)); }};
};
// end of snippet

// snippet: client
/// What people use: one connection, made again when it is lost.
class Client {
public:
    Client(plait::Clock& clock, std::shared_ptr<plait::ClientEndpoint> endpoint);

    /// The value of `key`, or nothing if the server has none.
    /// Fails:  with a ConnectError after three attempts, with why the connection was lost meanwhile, with TimeoutError
    ///         after five seconds.
    /// Cancel: the answer is ignored.
    plait::Deferred<Session::Value> get(std::string key);

    /// Fires when the connection is closed.
    plait::Deferred<> close() { return service_.stop(); }

private:
    plait::Clock& clock_;
    plait::ClientService service_;
};
// end of snippet

/// The other side: answers from `words`.
std::shared_ptr<plait::Factory> server(std::map<std::string, std::string> words);

}  // namespace lookup
