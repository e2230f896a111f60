#include "plait/examples/lookup/lookup.hpp"

#include <utility>

namespace lookup {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t id_size = 4;

std::string id_bytes(std::uint32_t id) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8)
        bytes += static_cast<char>(id >> shift);
    return bytes;
}

// snippet: decode
std::uint32_t read_id(const plait::Bytes& record) {
    if (record.size() < id_size)
        throw BadRecord("a record of " + std::to_string(record.size()) + " bytes has no room for an id");
    std::uint32_t id = 0;
    for (const char byte : record.view().substr(0, id_size))
        id = id << 8 | static_cast<unsigned char>(byte);
    return id;
}
// end of snippet

}  // namespace

plait::Bytes encode(const Request& request) {
    return plait::Bytes::own(id_bytes(request.id) + request.key);
}

plait::Bytes encode(const Answer& answer) {
    auto text = id_bytes(answer.id);
    text += answer.value ? '\1' : '\0';
    if (answer.value) text += answer.value->view();
    return plait::Bytes::own(std::move(text));
}

Request decode_request(const plait::Bytes& record) {
    const auto id = read_id(record);
    return {id, record.slice(id_size).str()};
}

Answer decode_answer(const plait::Bytes& record) {
    const auto id = read_id(record);
    if (record.size() == id_size)
        throw BadRecord("the answer to " + std::to_string(id) + " ends before it says yes or no");
    const char found = record.data()[id_size];
    if (found == 1) return {id, record.slice(id_size + 1)};
    if (found != 0 || record.size() > id_size + 1)
        throw BadRecord("the answer to " + std::to_string(id) + " is neither a yes with a value nor a no");
    return {id, std::nullopt};
}

plait::Deferred<Session::Value> Session::ask(std::string key) {
    if (waiting_.size() == most_waiting)
        return plait::Deferred<Value>::fail(plait::make_failure(
            plait::Error("too many questions: " + std::to_string(most_waiting) + " wait for their answers already")));
    auto [deferred, promise] = plait::make_deferred<Value>();
    const auto id = ++last_id_;
    waiting_.emplace(id, std::move(promise));
    send_(encode(Request{id, std::move(key)}));
    return std::move(deferred);
}

// snippet: received
void Session::received(const Answer& answer) {
    const auto asked = waiting_.find(answer.id);
    if (asked == waiting_.end()) throw BadRecord("an answer to " + std::to_string(answer.id) + ", which nobody asked");
    auto promise = std::move(asked->second);
    waiting_.erase(asked);           // first, for the callback may ask again, or end everything
    promise.callback(answer.value);  // does nothing for a question that was cancelled
}
// end of snippet

void Session::lost(const plait::Failure& why) {
    for (auto& [id, promise] : std::exchange(waiting_, {}))
        promise.errback(why);
}

Client::Client(plait::Clock& clock, std::shared_ptr<plait::ClientEndpoint> endpoint)
    : clock_(clock),
      service_(clock, std::move(endpoint),
               plait::make_factory([](const plait::Address&) { return std::make_shared<Protocol>(); })) {
    service_.start();
}

plait::Deferred<Session::Value> Client::get(std::string key) {
    return service_.when_connected(3)
        .add_callback([key = std::move(key)](const std::shared_ptr<plait::Protocol>& protocol) mutable {
            return static_cast<Protocol&>(*protocol).ask(std::move(key));
        })
        .add_timeout(clock_, 5s, "looking up a word");
}

namespace {

class Server : public plait::Int32StringReceiver {
public:
    explicit Server(std::shared_ptr<const std::map<std::string, std::string>> words) : words_(std::move(words)) {}

    void string_received(plait::Bytes record) override {
        const auto request = decode_request(record);
        Answer answer{request.id, std::nullopt};
        if (const auto word = words_->find(request.key); word != words_->end())
            answer.value = plait::Bytes::copy(word->second);
        send_string(encode(answer));
    }

private:
    std::shared_ptr<const std::map<std::string, std::string>> words_;
};

}  // namespace

std::shared_ptr<plait::Factory> server(std::map<std::string, std::string> words) {
    const auto shared = std::make_shared<const std::map<std::string, std::string>>(std::move(words));
    return plait::make_factory([shared](const plait::Address&) { return std::make_shared<Server>(shared); });
}

}  // namespace lookup
