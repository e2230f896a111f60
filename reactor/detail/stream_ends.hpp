// StreamEnds: the descriptors of one stream and how bytes go through them. Not the stream: see stream_connection.hpp.
#pragma once

#include "plait/reactor/unique_fd.hpp"

namespace plait::detail {

struct StreamEnds {
    enum class Kind : unsigned char {
        socket,       ///< `in` both ways, with recv and send; half-closed with shutdown
        unix_socket,  ///< the same, with descriptors beside the bytes (unix_connection.hpp)
        device,       ///< `in` both ways, with read and write: a terminal. Its two directions cannot be closed apart
        files,        ///< reads `in`, writes `out`; one of them may be empty: pipes, regular files
    };

    UniqueFd in;   ///< non-blocking, if that means something for it
    UniqueFd out;  ///< for `files` only; likewise
    Kind kind = Kind::socket;
};

}  // namespace plait::detail
