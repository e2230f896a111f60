#include "plait/reactor/detail/gathered_body.hpp"

#include <utility>

namespace plait::detail {
namespace {

/// A quarter of the block that a transport reads into, all of which a piece may keep.
constexpr std::size_t small_piece = 16 * 1024;

}  // namespace

void GatheredBody::add(Bytes piece) {
    if (piece.size() < small_piece && !pieces_.empty()) {
        small_.append(piece.view());
        return;
    }
    keep_small();
    pieces_.push_back(std::move(piece));
}

Bytes GatheredBody::take() {
    keep_small();
    const std::vector<Bytes> pieces = std::exchange(pieces_, {});
    if (pieces.size() == 1) return pieces.front();
    std::size_t size = 0;
    for (const Bytes& piece : pieces)
        size += piece.size();
    std::string text;
    text.reserve(size);
    for (const Bytes& piece : pieces)
        text.append(piece.view());
    return Bytes::own(std::move(text));
}

void GatheredBody::keep_small() {
    if (!small_.empty()) pieces_.push_back(Bytes::own(std::exchange(small_, {})));
}

}  // namespace plait::detail
