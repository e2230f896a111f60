// Test helper: text as zlib compresses it, in the three wrappings that HTTP knows.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <stdexcept>
#include <string>

namespace plait::testing {

inline std::string compressed(const std::string& text, int window) {
    z_stream stream{};
    if (::deflateInit2(&stream, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
    std::string out(::deflateBound(&stream, text.size()) + 32, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int result = ::deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    ::deflateEnd(&stream);
    if (result != Z_STREAM_END) throw std::runtime_error("cannot compress");
    return out;
}

inline std::string gzipped(const std::string& text) {
    return compressed(text, 15 + 16);
}
inline std::string zlibbed(const std::string& text) {
    return compressed(text, 15);
}
inline std::string deflated(const std::string& text) {
    return compressed(text, -15);
}

/// Text in which no part looks like another.
inline std::string numbered_text(std::size_t size) {
    std::string text;
    for (std::size_t i = 0; text.size() < size; ++i)
        text += std::to_string(i) + ' ';
    text.resize(size);
    return text;
}

}  // namespace plait::testing
