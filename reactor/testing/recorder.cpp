#include "plait/reactor/testing/recorder.hpp"

#include "plait/reactor/errors.hpp"

namespace plait::testing {

namespace {

const char* kind_of(const Failure& why) {
    if (why.check<ConnectionDone>() != nullptr) return "lost: done";
    if (why.check<ConnectionAborted>() != nullptr) return "lost: aborted";
    if (why.check<ConnectionTimedOut>() != nullptr) return "lost: timed out";
    return why.check<ConnectionClosed>() != nullptr ? "lost: broken" : "lost: other";
}

}  // namespace

ProtocolRecorder::~ProtocolRecorder() = default;

void ProtocolRecorder::connection_made() {
    events.emplace_back("made");
    when_made(*this);
}

void ProtocolRecorder::data_received(const Bytes& data) {
    if (events.empty() || events.back() != "data") events.emplace_back("data");
    received += data.view();
    when_data(*this, data);
}

void ProtocolRecorder::read_connection_lost() {
    events.emplace_back("end");
    if (close_at_end) transport().lose_connection();
    when_ended(*this);
}

void ProtocolRecorder::connection_lost(const Failure& why) {
    reason = why;
    events.emplace_back(kind_of(why));
    when_lost(*this);
}

std::string ProtocolRecorder::story() const {
    std::string all;
    for (const std::string& event : events)
        all += (all.empty() ? "" : " ") + event;
    return all;
}

RecorderFactory::~RecorderFactory() = default;

std::shared_ptr<Protocol> RecorderFactory::build_protocol(const Address& peer) {
    auto recorder = std::make_shared<ProtocolRecorder>();
    prepare(*recorder);
    built.push_back(recorder);
    peers.push_back(peer);
    return recorder;
}

}  // namespace plait::testing
