// GatheredBody: the pieces of a body until it is whole. Not a bound on them: who adds pieces counts what they come to.
#pragma once

#include <string>
#include <vector>

#include "plait/reactor/bytes.hpp"

namespace plait::detail {

/// Large pieces are kept as they came; small ones, which would cost more than they hold and keep the block they came
/// in, are copied together. So a body in pieces of one byte takes little more memory than its bytes.
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
