// TlsEngine: one SSL object between bytes of TLS and bytes in clear. Not a connection: knows no events and no time.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plait/deferred/failure.hpp"
#include "plait/reactor/bytes.hpp"
#include "plait/reactor/tls_transport.hpp"
#include "plait/reactor/transport.hpp"

namespace plait {
struct TlsPeer;
}  // namespace plait

namespace plait::detail {

/// Feed it what came from the peer; ask it for the handshake, for bytes in clear, for encrypting some; then hand its
/// output on. OpenSSL reads straight from the slices fed, and writes to blocks that are used again once sent.
///
/// Between an operation and `hand_output_to()` no other engine of the thread may work: they share the block.
class TlsEngine {
public:
    /// What OpenSSL puts into one record at most.
    static constexpr std::size_t record_size = 16 * 1024;

    enum class Status {
        done,
        wants_input,
        ended,   ///< the peer sent its close-notify
        failed,  ///< for good; see failure()
    };

    /// Throws UsageError; see tls_client.
    TlsEngine(std::shared_ptr<const TlsContext> context, const TlsPeer& peer);
    TlsEngine(const TlsEngine&) = delete;
    TlsEngine& operator=(const TlsEngine&) = delete;
    ~TlsEngine();

    void feed(Bytes data);
    /// There is something to work on: fed, or decrypted and not read.
    bool has_input() const noexcept;
    void drop_input() noexcept;
    /// A message of TLS itself, such as a ticket, is half here. Until the rest has come OpenSSL writes nothing, not
    /// even the close-notify; `handshake()` works it off without reading further.
    bool mid_message() const noexcept { return SSL_in_init(ssl_.get()) != 0; }

    Status handshake();
    /// Fills `room` as far as what was fed goes. `got` counts also when the status is not done.
    Status read(std::span<char> room, std::size_t& got);
    /// Encrypts all of it.
    Status write(std::string_view clear);
    /// The close-notify.
    void end_writing();

    std::size_t output_size() const noexcept { return output_size_; }
    /// As one write.
    void hand_output_to(Transport& below);

    bool server() const noexcept;
    /// Why the last operation failed. `peer` is its address.
    Failure failure(const std::string& peer);
    std::string who(const std::string& peer) const;

    TlsInfo info() const;
    std::optional<TlsCertificate> peer_certificate() const;

private:
    struct FreeSsl {
        void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
    };

    void prepare_client(const TlsPeer& peer);
    void send_name(const std::string& name);
    void check_name(const std::string& name);
    Status outcome(int result);

    static BIO_METHOD* bio_method();
    static int bio_read(BIO* bio, char* room, int size);
    static int bio_write(BIO* bio, const char* data, int size);
    static long bio_control(BIO* bio, int command, long, void*);
    static int verified(int ok, X509_STORE_CTX* checked);
    static int engine_slot();

    std::shared_ptr<const TlsContext> context_;
    std::string name_;    ///< of the server, as the user spelled it
    std::string server_;  ///< the key of its sessions; outlives ssl_
    std::unique_ptr<SSL, FreeSsl> ssl_;

    Bytes current_;             ///< input OpenSSL reads from now
    std::vector<Bytes> input_;  ///< what follows it
    std::size_t first_ = 0;

    std::vector<Bytes> output_;  ///< full blocks' worth
    std::span<char> room_;       ///< of the thread's block
    std::size_t filled_ = 0;     ///< of room_
    std::size_t output_size_ = 0;

    std::string refused_;
    std::string first_bytes_;
    bool established_ = false;
};

}  // namespace plait::detail
