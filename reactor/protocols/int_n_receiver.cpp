#include "plait/reactor/protocols/int_n_receiver.hpp"

#include <array>
#include <string>
#include <utility>

namespace plait {

namespace {
constexpr unsigned longest_prefix = 4;
}  // namespace

void IntNStringReceiver::length_limit_exceeded(std::uint32_t length) {
    throw LengthLimitExceeded("the connection to " + transport().peer().str() + " was closed: a string of " +
                              std::to_string(length) + " bytes is announced where " + std::to_string(max_length_) +
                              " are allowed; set_max_length() allows more");
}

void IntNStringReceiver::send_string(Bytes text) {
    char room[longest_prefix];
    const auto length = put_length(text.size(), room);
    const std::array pieces{Bytes::copy(length), std::move(text)};
    transport().write_sequence(pieces);
}

void IntNStringReceiver::send_string(std::string_view text) {
    char room[longest_prefix];
    const auto length = put_length(text.size(), room);
    std::string whole;
    whole.reserve(length.size() + text.size());
    whole.append(length).append(text);
    transport().write(Bytes::own(std::move(whole)));
}

std::string_view IntNStringReceiver::put_length(std::size_t length, char* room) const {
    const auto most = ~std::uint32_t{0} >> (8 * (longest_prefix - prefix_));
    if (length > most)
        throw StringTooLong("a string of " + std::to_string(length) + " bytes cannot be sent: " +
                            std::to_string(prefix_) + " bytes of length say " + std::to_string(most) + " at most");
    for (unsigned i = 0; i < prefix_; ++i)
        room[i] = static_cast<char>(length >> (8 * (prefix_ - 1 - i)));
    return {room, prefix_};
}

void IntNStringReceiver::keep(const Bytes& data) {
    if (!broken_) input_.push(data);
}

bool IntNStringReceiver::deliver_next() {
    if (!length_known_ && !read_length()) return false;
    if (length_ > max_length_) {
        broken_ = true;
        input_.clear();
        length_known_ = false;
        length_limit_exceeded(length_);
        return true;
    }
    if (input_.size() < length_) {
        input_.settle();
        return false;
    }
    length_known_ = false;
    string_received(input_.take(length_));
    return true;
}

bool IntNStringReceiver::read_length() {
    if (input_.size() < prefix_) {
        input_.settle();
        return false;
    }
    length_ = 0;
    for (const char byte : input_.peek(prefix_))
        length_ = length_ << 8 | static_cast<unsigned char>(byte);
    input_.drop(prefix_);
    length_known_ = true;
    return true;
}

}  // namespace plait
