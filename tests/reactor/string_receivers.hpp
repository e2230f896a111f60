// The three prefixed receivers and netstrings under one face, for tests of what they have in common.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "plait/reactor/protocols/int_n_receiver.hpp"
#include "plait/reactor/protocols/netstring_receiver.hpp"
#include "plait/reactor/testing/cuts.hpp"
#include "plait/reactor/testing/memory_transport.hpp"

namespace plait::testing {

/// A receiver that writes down what it is told.
template <typename Base>
class Strings : public Base {
public:
    using Base::Base;

    void string_received(Bytes text) override {
        inside += depth_++ == 0 ? 0 : 1;
        said += text.str() + "|";
        last = text;
        // Called through a copy: it may destroy this.
        if (const auto step = on_string) return step(*this, text);
        left();
    }
    void connection_lost(const Failure& why) override { reason = why; }
    void left() { --depth_; }

    std::string said;
    Bytes last;
    int inside = 0;  ///< callbacks made from inside another
    std::optional<Failure> reason;
    std::function<void(Strings&, const Bytes&)> on_string;

protected:
    int depth_ = 0;
};

template <int Prefix>
struct IntN {
    using Base = std::conditional_t<Prefix == 1, Int8StringReceiver,
                                    std::conditional_t<Prefix == 2, Int16StringReceiver, Int32StringReceiver>>;
    class Receiver : public Strings<Base> {
    public:
        using Strings<Base>::Strings;
        void length_limit_exceeded(std::uint32_t length) override {
            this->said += "too long: " + std::to_string(length);
            Base::length_limit_exceeded(length);
        }
    };
    static std::string encoded(std::string_view text) {
        std::string whole;
        for (int shift = 8 * (Prefix - 1); shift >= 0; shift -= 8)
            whole += static_cast<char>(text.size() >> shift);
        return whole.append(text);
    }
    static std::string too_long(std::size_t length) { return "too long: " + std::to_string(length); }
    /// What a connection ends with when a string is longer than allowed, and what its text says of a string of 6 bytes
    /// where 5 are allowed.
    using Refusal = LengthLimitExceeded;
    static std::string refusal() {
        return "a string of 6 bytes is announced where 5 are allowed; set_max_length() allows more";
    }
};

struct Netstring {
    using Refusal = BadNetstring;
    static std::string refusal() { return too_long_text(5); }
    class Receiver : public Strings<NetstringReceiver> {
    public:
        using Strings<NetstringReceiver>::Strings;
        void netstring_broken(const BadNetstring& why) override {
            said += std::string("broken: ") + why.what();
            NetstringReceiver::netstring_broken(why);
        }
    };
    static std::string encoded(std::string_view text) {
        return std::to_string(text.size()).append(":").append(text).append(",");
    }
    static std::string too_long_text(std::size_t most) {
        return "a netstring is longer than the " + std::to_string(most) +
               " bytes allowed; set_max_length() allows more";
    }
    static std::string too_long(std::size_t) { return "broken: " + too_long_text(5); }
};

/// What comes of `pieces` with at most `most` bytes a string.
template <typename Format>
std::string received(const Pieces& pieces, std::size_t most = 200) {
    auto strings = std::make_shared<typename Format::Receiver>(most);
    MemoryTransport transport(strings);
    for (const auto& piece : pieces)
        transport.deliver(piece);
    return strings->said;
}

template <typename Format>
std::string encoded(const std::vector<std::string>& texts) {
    std::string whole;
    for (const auto& text : texts)
        whole += Format::encoded(text);
    return whole;
}

}  // namespace plait::testing
