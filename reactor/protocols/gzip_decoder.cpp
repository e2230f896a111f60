#include "plait/reactor/protocols/gzip_decoder.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <new>
#include <string>
#include <utility>

namespace plait {
namespace {

constexpr std::size_t at_once = 32 * 1024;
constexpr int largest_window = 15;
constexpr int with_gzip_head = 16;
constexpr unsigned char gzip_magic[] = {0x1f, 0x8b};

}  // namespace

struct GzipDecoder::State {
    State(Format of, GzipLimits with) : format(of), limits(with) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        if (begun) ::inflateEnd(&stream);
    }

    const char* name() const noexcept { return format == Format::gzip ? "gzip" : "deflate"; }

    [[noreturn]] void refuse(std::string_view why) const {
        throw HttpBadContent(fmt::format("a body that should be in {} is not: {}", name(), why));
    }

    /// zlib's head is two bytes: its method is 8, and both together are a multiple of 31. Two bytes are looked at, for
    /// a raw stream may begin like the first.
    bool has_zlib_head() const noexcept {
        const unsigned first = static_cast<unsigned char>(head[0]);
        const unsigned second = static_cast<unsigned char>(head[1]);
        return (first & 15U) == 8 && (first << 8 | second) % 31 == 0;
    }

    void begin(int window) {
        if (::inflateInit2(&stream, window) != Z_OK) throw std::bad_alloc();
        begun = true;
    }

    /// False when more bytes are needed to know what it is.
    bool recognise() {
        if (begun) return true;
        while (head.size() < 2 && !input.empty()) {
            head += *input.begin();
            input.remove_prefix(1);
        }
        if (head.size() < 2) return false;
        if (format == Format::gzip) {
            begin(largest_window + with_gzip_head);
        } else {
            begin(has_zlib_head() ? largest_window : -largest_window);
        }
        return true;
    }

    /// What inflate() made of `in`, in `room`; takes what it used off `in`.
    std::size_t inflate_some(std::string_view& in, std::string& room) {
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
        stream.avail_in = static_cast<uInt>(in.size());
        stream.next_out = reinterpret_cast<Bytef*>(room.data());
        stream.avail_out = static_cast<uInt>(room.size());
        const int result = ::inflate(&stream, Z_NO_FLUSH);
        const std::size_t used = in.size() - stream.avail_in;
        in.remove_prefix(used);
        taken += used;
        const std::size_t made = room.size() - stream.avail_out;
        if (result == Z_MEM_ERROR) throw std::bad_alloc();
        if (result == Z_STREAM_END) {
            ended = true;
        } else if (result != Z_OK && result != Z_BUF_ERROR) {
            damage = result == Z_NEED_DICT ? "it needs a dictionary" : "it is damaged";
            if (result != Z_NEED_DICT && stream.msg != nullptr) damage = stream.msg;
        }
        return made;
    }

    /// What was made before the damage comes out first, so that it makes no difference in which pieces it was fed.
    void refuse_damage(std::size_t made) const {
        if (damage != nullptr && made == 0) refuse(damage);
    }

    void count(std::size_t made) {
        given += made;
        if (limits.bytes && given > *limits.bytes) {
            throw HttpLimitExceeded(HttpLimitExceeded::Part::decoded, *limits.bytes,
                                    fmt::format("a body in {} decodes to more than {} bytes", name(), *limits.bytes));
        }
        if (limits.ratio != 0 && given > limits.ratio_from && given / limits.ratio > taken) {
            throw HttpLimitExceeded(
                HttpLimitExceeded::Part::decoded, limits.ratio,
                fmt::format("a body in {} decodes to more than {} times its size", name(), limits.ratio));
        }
    }

    /// Another member may follow the one that ended.
    void after_end() {
        if (format != Format::gzip) refuse("bytes follow its end");
        if (static_cast<unsigned char>(*input.begin()) != gzip_magic[0]) refuse("bytes follow its end");
        ::inflateReset(&stream);
        ended = false;
    }

    Format format;
    GzipLimits limits;
    z_stream stream{};
    std::string head;  ///< looked at and not inflated yet
    Bytes input;
    const char* damage = nullptr;
    std::uint64_t taken = 0;
    std::uint64_t given = 0;
    bool begun = false;
    bool ended = false;
};

GzipDecoder::GzipDecoder(Format format, GzipLimits limits) : state_(std::make_unique<State>(format, limits)) {}
GzipDecoder::GzipDecoder(GzipDecoder&&) noexcept = default;
GzipDecoder& GzipDecoder::operator=(GzipDecoder&&) noexcept = default;
GzipDecoder::~GzipDecoder() = default;

void GzipDecoder::feed(Bytes bytes) {
    state_->input = std::move(bytes);
}

Bytes GzipDecoder::next() {
    State& state = *state_;
    if (!state.recognise()) return {};
    std::string room(at_once, '\0');
    std::size_t made = 0;
    if (!state.head.empty()) {
        std::string_view in = state.head;
        made = state.inflate_some(in, room);
        state.head.clear();  // two bytes: there is always room for what they make
    }
    state.refuse_damage(made);
    while (made == 0) {
        if (state.ended && state.input.empty()) break;
        if (state.ended) state.after_end();
        std::string_view in = state.input.view();
        made = state.inflate_some(in, room);
        state.input.remove_prefix(state.input.size() - in.size());
        state.refuse_damage(made);
        if (made == 0 && state.input.empty()) break;
    }
    state.count(made);
    room.resize(made);
    return Bytes::own(std::move(room));
}

void GzipDecoder::finish() {
    const State& state = *state_;
    if (state.ended || (!state.begun && state.head.empty())) return;
    state.refuse("it is cut off");
}

}  // namespace plait
