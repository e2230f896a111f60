// LineOnlyReceiver: a LineReceiver that stays with lines.
// Not for protocols with raw bytes between them: that is LineReceiver.
#pragma once

#include "plait/reactor/protocols/line_receiver.hpp"

namespace plait {

/// As LineReceiver, without raw mode: nobody can switch to it by mistake.
///
/// Source: LineOnlyReceiver of Twisted.
class LineOnlyReceiver : public LineReceiver {
public:
    using LineReceiver::LineReceiver;

private:
    using LineReceiver::raw_mode;
    using LineReceiver::set_line_mode;
    using LineReceiver::set_raw_mode;
    void raw_data_received(const Bytes& data) final { LineReceiver::raw_data_received(data); }
};

}  // namespace plait
