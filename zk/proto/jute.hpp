// Jute, ZooKeeper's encoding: the five kinds of field every record is made of, written and read.
// Knows no record (records.hpp) and no frame (frames.hpp). No I/O.
//
//     int, long   4, 8 bytes, big-endian          bool    1 byte
//     ustring     int length, bytes               buffer  int length (-1: null), bytes
//     vector      int count (-1: null), elements
//
// Records have one member template, `void put(auto& out) const`, that names their fields in order. Running it with a
// Sizer and then with a Writer gives one allocation of the right size and no growth.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

#include "plait/reactor/bytes.hpp"

namespace plait::zk::proto {

/// The bytes are not what the grammar says. The text names the field.
class DecodeError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

constexpr std::uint32_t network_order(std::uint32_t value) noexcept {
    return std::endian::native == std::endian::little ? __builtin_bswap32(value) : value;
}
constexpr std::uint64_t network_order(std::uint64_t value) noexcept {
    return std::endian::native == std::endian::little ? __builtin_bswap64(value) : value;
}

/// The big-endian number at `at`, aligned or not.
template <typename Unsigned>
Unsigned load(const char* at) noexcept {
    Unsigned value;
    std::memcpy(&value, at, sizeof(value));
    return network_order(value);
}

/// Adds up how many bytes a record takes.
class Sizer {
public:
    void boolean(bool) noexcept { size_ += 1; }
    void int32(std::int32_t) noexcept { size_ += 4; }
    void int64(std::int64_t) noexcept { size_ += 8; }
    void string(std::string_view text) noexcept { size_ += 4 + text.size(); }
    void null() noexcept { size_ += 4; }

    std::size_t size() const noexcept { return size_; }

private:
    std::size_t size_ = 0;
};

/// Writes fields to memory the caller has measured with a Sizer. Checks nothing.
class Writer {
public:
    explicit Writer(char* at) noexcept : at_(at) {}

    void boolean(bool value) noexcept { *at_++ = value ? 1 : 0; }
    void int32(std::int32_t value) noexcept { big_endian(static_cast<std::uint32_t>(value)); }
    void int64(std::int64_t value) noexcept { big_endian(static_cast<std::uint64_t>(value)); }
    void string(std::string_view text) noexcept {
        int32(static_cast<std::int32_t>(text.size()));
        if (!text.empty()) std::memcpy(at_, text.data(), text.size());
        at_ += text.size();
    }
    void null() noexcept { int32(-1); }

    char* at() const noexcept { return at_; }

private:
    template <typename Unsigned>
    void big_endian(Unsigned value) noexcept {
        value = network_order(value);
        std::memcpy(at_, &value, sizeof(value));
        at_ += sizeof(value);
    }

    char* at_;
};

/// Writes fields to the end of a text, for replies, whose size nobody has measured.
class Appender {
public:
    explicit Appender(std::string& text) noexcept : text_(text) {}

    void boolean(bool value) { text_ += value ? '\1' : '\0'; }
    void int32(std::int32_t value) { big_endian(static_cast<std::uint32_t>(value)); }
    void int64(std::int64_t value) { big_endian(static_cast<std::uint64_t>(value)); }
    void string(std::string_view value) {
        int32(static_cast<std::int32_t>(value.size()));
        text_ += value;
    }
    void null() { int32(-1); }

private:
    template <typename Unsigned>
    void big_endian(Unsigned value) {
        value = network_order(value);
        text_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    }

    std::string& text_;
};

/// Reads fields from a slice of received bytes, never beyond its end.
///
/// Fails: every method throws DecodeError when the bytes end early or a length is negative or too large.
/// Lifetime: refers to `owner`, which must outlive the reader; buffer() counts one more holder of it instead.
class Reader {
public:
    Reader(const Bytes& owner, std::string_view text) noexcept : owner_(&owner), rest_(text) {}
    explicit Reader(const Bytes& owner) noexcept : Reader(owner, owner.view()) {}

    bool boolean() { return take(1, "bool")[0] != 0; }
    std::int32_t int32() { return static_cast<std::int32_t>(load<std::uint32_t>(take(4, "int").data())); }
    std::int64_t int64() { return static_cast<std::int64_t>(load<std::uint64_t>(take(8, "long").data())); }

    /// A string in place; null reads as empty.
    std::string_view string() {
        const auto length = int32();
        return length == -1 ? std::string_view{} : take(checked(length), "string");
    }

    /// A buffer, sharing the received bytes. `null` tells null from empty.
    Bytes buffer(bool& null) {
        const auto length = int32();
        null = length == -1;
        return null ? Bytes{} : owner_->slice_of(take(checked(length), "buffer"));
    }

    /// How many elements follow; null counts as none. Each takes at least `least` bytes, so that a count the bytes
    /// cannot hold fails here, before anybody reserves room for it.
    std::size_t count(std::size_t least) {
        const auto value = int32();
        if (value == -1) return 0;
        if (value < 0 || static_cast<std::size_t>(value) > rest_.size() / least) fail("vector");
        return static_cast<std::size_t>(value);
    }

    std::size_t remaining() const noexcept { return rest_.size(); }

private:
    [[noreturn]] void fail(const char* field) const;

    std::size_t checked(std::int32_t length) const {
        if (length < 0) fail("length");
        return static_cast<std::size_t>(length);
    }

    std::string_view take(std::size_t size, const char* field) {
        if (rest_.size() < size) fail(field);
        const auto taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }

    const Bytes* owner_;
    std::string_view rest_;
};

}  // namespace plait::zk::proto
