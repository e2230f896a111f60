#include "plait/reactor/protocols/protocol_wrapper.hpp"

#include <stdexcept>
#include <utility>

namespace plait {

ProtocolWrapper::ProtocolWrapper(std::shared_ptr<Protocol> wrapped) : wrapped_(std::move(wrapped)) {
    if (wrapped_ == nullptr) throw std::invalid_argument("a ProtocolWrapper needs a protocol to wrap");
}

ProtocolWrapper::~ProtocolWrapper() = default;

// The wrapped protocol is held while it runs: it may end the connection, and with it our own hold.

void ProtocolWrapper::connection_made() {
    const auto wrapped = wrapped_;
    wrapped->make_connection(*this);
}

void ProtocolWrapper::data_received(const Bytes& data) {
    const auto wrapped = wrapped_;
    if (wrapped) wrapped->data_received(data);
}

void ProtocolWrapper::read_connection_lost() {
    const auto wrapped = wrapped_;
    if (wrapped) wrapped->read_connection_lost();
}

void ProtocolWrapper::connection_lost(const Failure& reason) {
    const auto wrapped = std::exchange(wrapped_, nullptr);
    if (wrapped) wrapped->lose_connection(reason);
}

const Protocol& ProtocolWrapper::described() const noexcept {
    return wrapped_ == nullptr ? *this : wrapped_->described();
}

void ProtocolWrapper::write(Bytes data) {
    transport().write(std::move(data));
}
void ProtocolWrapper::write(std::string_view text) {
    transport().write(text);
}
void ProtocolWrapper::write_sequence(std::span<const Bytes> pieces) {
    transport().write_sequence(pieces);
}
void ProtocolWrapper::lose_connection() {
    transport().lose_connection();
}
void ProtocolWrapper::lose_write_connection() {
    transport().lose_write_connection();
}
void ProtocolWrapper::abort_connection() {
    transport().abort_connection();
}
bool ProtocolWrapper::disconnecting() const noexcept {
    return transport().disconnecting();
}
void ProtocolWrapper::pause_producing() {
    transport().pause_producing();
}
void ProtocolWrapper::resume_producing() {
    transport().resume_producing();
}
void ProtocolWrapper::register_producer(Producer& producer) {
    transport().register_producer(producer);
}
void ProtocolWrapper::unregister_producer() {
    transport().unregister_producer();
}
void ProtocolWrapper::set_write_watermarks(std::size_t low, std::size_t high) {
    transport().set_write_watermarks(low, high);
}
std::size_t ProtocolWrapper::write_buffered() const noexcept {
    return transport().write_buffered();
}
Deferred<> ProtocolWrapper::drained() {
    return transport().drained();
}
/// A transport takes a Producer off only together with its protocol: we go, and come back without.
Transport::Handover ProtocolWrapper::hand_over(std::shared_ptr<Protocol> next) {
    Transport& below = transport();
    Handover before = below.hand_over(next);
    below.hand_over(std::exchange(before.protocol, std::exchange(wrapped_, std::move(next))));
    attach(below);
    before.protocol->detach(*this);
    return before;
}
Address ProtocolWrapper::host() const {
    return transport().host();
}
Address ProtocolWrapper::peer() const {
    return transport().peer();
}
void ProtocolWrapper::set_no_delay(bool on) {
    transport().set_no_delay(on);
}
void ProtocolWrapper::set_keep_alive(bool on) {
    transport().set_keep_alive(on);
}
void ProtocolWrapper::set_keep_alive(const KeepAlive& times) {
    transport().set_keep_alive(times);
}
std::uint64_t ProtocolWrapper::bytes_received() const noexcept {
    return transport().bytes_received();
}
std::uint64_t ProtocolWrapper::bytes_sent() const noexcept {
    return transport().bytes_sent();
}
void ProtocolWrapper::set_idle_timeout(Duration limit) {
    transport().set_idle_timeout(limit);
}
void ProtocolWrapper::set_write_timeout(Duration limit) {
    transport().set_write_timeout(limit);
}

WrappingFactory::WrappingFactory(std::shared_ptr<Factory> wrapped) : wrapped_(std::move(wrapped)) {
    if (wrapped_ == nullptr) throw std::invalid_argument("a WrappingFactory needs a factory to wrap");
}

WrappingFactory::~WrappingFactory() = default;

std::shared_ptr<Protocol> WrappingFactory::build_protocol(const Address& peer) {
    auto protocol = wrapped_->build_protocol(peer);
    return protocol == nullptr ? nullptr : wrap(std::move(protocol), peer);
}

void WrappingFactory::start_factory() {
    wrapped_->begin_use();
}

void WrappingFactory::stop_factory() {
    wrapped_->end_use();
}

}  // namespace plait
