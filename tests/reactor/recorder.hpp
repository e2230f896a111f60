// The kit's recorders under the names these tests use.
#pragma once

#include "plait/reactor/errors.hpp"
#include "plait/reactor/testing/recorder.hpp"

namespace plait::testing {
using Recorder = ProtocolRecorder;
using NotedProducer = ProducerRecorder;
}  // namespace plait::testing
