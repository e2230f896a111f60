#include "plait/reactor/detail/tls_outbox.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

namespace plait::detail {
namespace {

constexpr std::size_t most_at_once = 4 * TlsEngine::record_size;

/// Room to put small pieces together in, before they are encrypted.
std::span<char> gathering_room() {
    static thread_local std::array<char, TlsEngine::record_size> room;
    return room;
}

}  // namespace

void TlsOutbox::set_window(std::size_t bytes) noexcept {
    window_ = std::max(smallest_window, bytes);
}

bool TlsOutbox::encrypt_for(Transport& below, std::size_t window) {
    const std::size_t held = below.write_buffered();
    while (!clear_.empty() && held + engine_.output_size() < window) {
        const std::string_view next = next_records();
        if (engine_.write(next) != TlsEngine::Status::done) return false;
        clear_.consume(next.size());
    }
    engine_.hand_output_to(below);
    return true;
}

std::string_view TlsOutbox::next_records() const {
    std::array<iovec, 64> pieces;
    const std::size_t count = clear_.gather(pieces);
    const std::string_view first(static_cast<const char*>(pieces[0].iov_base), pieces[0].iov_len);
    if (first.size() >= TlsEngine::record_size) {
        const std::size_t whole = first.size() - first.size() % TlsEngine::record_size;
        return first.substr(0, std::min(whole, most_at_once));
    }
    if (count == 1) return first;
    const std::span<char> room = gathering_room();
    std::size_t filled = 0;
    for (std::size_t i = 0; i < count && filled < room.size(); ++i) {
        const std::size_t fits = std::min(pieces[i].iov_len, room.size() - filled);
        std::memcpy(room.data() + filled, pieces[i].iov_base, fits);
        filled += fits;
    }
    return {room.data(), filled};
}

}  // namespace plait::detail
