#include "plait/reactor/protocols/netstring_receiver.hpp"

#include <array>
#include <string>
#include <utility>

namespace plait {

namespace {

std::string quoted(char byte) {
    if (byte > ' ' && byte <= '~') return std::string("'") + byte + "'";
    return "byte " + std::to_string(static_cast<unsigned>(static_cast<unsigned char>(byte)));
}

}  // namespace

void NetstringReceiver::netstring_broken(const BadNetstring& why) {
    throw BadNetstring("the connection to " + transport().peer().str() + " was closed: " + why.what());
}

void NetstringReceiver::send_string(Bytes text) {
    const std::array pieces{Bytes::own(std::to_string(text.size()) + ':'), text, Bytes::borrow(",")};
    transport().write_sequence(pieces);
}

void NetstringReceiver::send_string(std::string_view text) {
    auto whole = std::to_string(text.size());
    whole.reserve(whole.size() + text.size() + 2);
    whole.append(":").append(text).append(",");
    transport().write(Bytes::own(std::move(whole)));
}

void NetstringReceiver::keep(const Bytes& data) {
    if (state_ != State::broken) input_.push(data);
}

bool NetstringReceiver::deliver_next() {
    try {
        if (state_ == State::length && !read_length()) return false;
        if (state_ == State::broken) return false;
        if (input_.size() <= length_) {
            input_.settle();
            return false;
        }
    } catch (const BadNetstring& why) {
        refuse(why);
        return true;
    }
    auto text = input_.take(length_);
    const char last = input_.front().front();
    input_.drop(1);
    if (last != ',') {
        refuse(BadNetstring("a netstring of " + std::to_string(length_) + " bytes ends in " + quoted(last) +
                            " instead of a comma"));
        return true;
    }
    state_ = State::length;
    length_ = 0;
    digits_ = 0;
    string_received(std::move(text));
    return true;
}

/// True: the length is known. Nothing of it is kept but its value.
bool NetstringReceiver::read_length() {
    while (!input_.empty()) {
        const char byte = input_.front().front();
        input_.drop(1);
        if (add_digit(byte)) continue;
        state_ = State::text;
        return true;
    }
    return false;
}

/// False: the colon.
bool NetstringReceiver::add_digit(char byte) {
    if (byte == ':' && digits_ > 0) return false;
    if (byte < '0' || byte > '9') throw BadNetstring("a netstring's length has " + quoted(byte) + " in it");
    if (digits_ == 1 && length_ == 0) throw BadNetstring("a netstring's length begins with a zero");
    const auto digit = static_cast<std::size_t>(byte - '0');
    if (digit > max_length_ || length_ > (max_length_ - digit) / 10)
        throw BadNetstring("a netstring is longer than the " + std::to_string(max_length_) +
                           " bytes allowed; set_max_length() allows more");
    length_ = length_ * 10 + digit;
    ++digits_;
    return true;
}

void NetstringReceiver::refuse(const BadNetstring& why) {
    state_ = State::broken;
    input_.clear();
    netstring_broken(why);
}

}  // namespace plait
