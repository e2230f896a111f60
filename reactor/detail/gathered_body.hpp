// GatheredBody: the pieces of a body until it is whole. Not a bound on them: who adds pieces counts what they come to.
#pragma once

#include <string>
#include <vector>

#include "plait/reactor/bytes.hpp"

namespace plait::detail {

/// Large pieces are kept as they came, and so is the first; small ones, which would keep the block they came in, are
/// copied together. So a body takes no more than a few times the memory of its bytes, though they come one by one.
class GatheredBody {
public:
    void add(Bytes piece);

    /// All of it, without a copy if it came in one piece. Empty afterwards.
    Bytes take();

private:
    void keep_small();

    std::vector<Bytes> pieces_;
    std::string small_;  ///< what came after them
};

}  // namespace plait::detail
