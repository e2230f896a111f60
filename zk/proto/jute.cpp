#include "plait/zk/proto/jute.hpp"

#include <fmt/format.h>

namespace plait::zk::proto {

void Reader::fail(const char* field) const {
    throw DecodeError(fmt::format("malformed record: no valid {} in its last {} bytes", field, rest_.size()));
}

}  // namespace plait::zk::proto
