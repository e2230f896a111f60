#include "plait/reactor/tls_context.hpp"

#include "plait/reactor/detail/tls_context_impl.hpp"
#include "plait/reactor/tls_errors.hpp"

namespace plait {

const char* to_string(TlsVersion version) noexcept {
    return version == TlsVersion::tls_1_2 ? "TLS 1.2" : "TLS 1.3";
}

std::shared_ptr<const TlsContext> TlsContext::client(const TlsOptions& options) {
    return std::shared_ptr<const TlsContext>(
        new TlsContext(std::make_unique<detail::TlsContextImpl>(detail::TlsContextImpl::Role::client, options)));
}

std::shared_ptr<const TlsContext> TlsContext::server(const TlsOptions& options) {
    return std::shared_ptr<const TlsContext>(
        new TlsContext(std::make_unique<detail::TlsContextImpl>(detail::TlsContextImpl::Role::server, options)));
}

TlsContext::TlsContext(std::unique_ptr<detail::TlsContextImpl> impl) : impl_(std::move(impl)) {}

TlsContext::~TlsContext() = default;

bool TlsContext::for_server() const noexcept {
    return impl_->role() == detail::TlsContextImpl::Role::server;
}

bool TlsContext::verifies_server() const noexcept {
    return impl_->verifies_server();
}

std::size_t TlsContext::sessions() const {
    return impl_->sessions().size();
}

void TlsContext::forget_sessions() const {
    impl_->sessions().clear();
}

}  // namespace plait
