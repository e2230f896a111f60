#include "plait/reactor/protocols/paced_receiver.hpp"

#include "plait/deferred/unhandled.hpp"

namespace plait {

PacedReceiver::~PacedReceiver() {
    if (destroyed_ != nullptr) *destroyed_ = true;
}

void PacedReceiver::pause_producing() {
    paused_ = true;
    transport().pause_producing();
}

void PacedReceiver::resume_producing() {
    paused_ = false;
    transport().resume_producing();
    deliver_kept();
}

/// No transport is above us on the stack to end the connection for what a callback throws.
void PacedReceiver::deliver_kept() {
    if (destroyed_ != nullptr) return;
    bool destroyed = false;
    try {
        deliver(destroyed);
    } catch (...) {
        if (destroyed || !connected()) return report_unhandled_failure(Failure::current());
        abort_because(Failure::current());
    }
}

void PacedReceiver::data_received(const Bytes& data) {
    if (data.empty()) return;
    keep(data);
    if (destroyed_ != nullptr) return;
    bool destroyed = false;
    deliver(destroyed);
}

/// Reads everything afresh after each callback.
void PacedReceiver::deliver(bool& destroyed) {
    destroyed_ = &destroyed;
    try {
        while (deliver_one(destroyed)) {
        }
    } catch (...) {
        if (!destroyed) {
            destroyed_ = nullptr;
            drop_kept();
        }
        throw;
    }
    if (!destroyed) destroyed_ = nullptr;
}

bool PacedReceiver::deliver_one(bool& destroyed) {
    if (paused_) return false;
    if (transport().disconnecting()) {
        drop_kept();
        return false;
    }
    return deliver_next() && !destroyed;
}

}  // namespace plait
