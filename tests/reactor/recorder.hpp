// Recorder: a Protocol that writes down what happens to it, and lets a test step in. For the transports' tests.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "plait/reactor/errors.hpp"
#include "plait/reactor/protocol.hpp"

namespace plait::testing {

struct Recorder : Protocol {
    std::vector<std::string> events;
    std::string received;
    std::optional<Failure> reason;
    bool close_at_end = true;  ///< what a protocol that knows no half-close does

    std::function<void(Recorder&)> when_made = [](Recorder&) {};
    std::function<void(Recorder&, const Bytes&)> when_data = [](Recorder&, const Bytes&) {};
    std::function<void(Recorder&)> when_ended = [](Recorder&) {};
    std::function<void(Recorder&)> when_lost = [](Recorder&) {};

    void connection_made() override {
        events.push_back("made");
        when_made(*this);
    }
    void data_received(const Bytes& data) override {
        if (events.empty() || events.back() != "data") events.push_back("data");
        received += data.view();
        when_data(*this, data);
    }
    void read_connection_lost() override {
        events.push_back("end");
        if (close_at_end) transport().lose_connection();
        when_ended(*this);
    }
    void connection_lost(const Failure& why) override {
        reason = why;
        events.push_back(!why.check<ConnectionClosed>()    ? "lost: other"
                         : why.check<ConnectionDone>()     ? "lost: done"
                         : why.check<ConnectionAborted>()  ? "lost: aborted"
                         : why.check<ConnectionTimedOut>() ? "lost: timed out"
                                                           : "lost: broken");
        when_lost(*this);
    }

    /// "made data end lost: done"
    std::string story() const {
        std::string all;
        for (const std::string& event : events)
            all += (all.empty() ? "" : " ") + event;
        return all;
    }
};

/// A Producer that only notes what it was told.
struct NotedProducer final : Producer {
    std::string told;

    void pause_producing() override { told += "pause "; }
    void resume_producing() override { told += "resume "; }
    void stop_producing() override { told += "stop "; }
};

}  // namespace plait::testing
