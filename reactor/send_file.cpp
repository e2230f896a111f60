#include "plait/reactor/send_file.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>

#include "plait/deferred/contain.hpp"
#include "plait/reactor/detail/file_queue.hpp"
#include "plait/reactor/errors.hpp"

namespace plait {

namespace {

/// Lifetime: owns itself until it has finished.
class FileSender final : public Producer, public std::enable_shared_from_this<FileSender> {
public:
    FileSender(std::shared_ptr<detail::FileQueue> file, Transport& transport, const SendFileOptions& options)
        : file_(std::move(file)), transport_(&transport), options_(options) {}

    Deferred<std::uint64_t> start() {
        auto [deferred, promise] = make_deferred<std::uint64_t>([this] { end(); });
        promise_ = std::move(promise);
        self_ = shared_from_this();
        try {
            transport_->register_producer(*this);
        } catch (...) {
            transport_ = nullptr;
            end();
            throw;
        }
        read_on();
        return std::move(deferred);
    }

    void pause_producing() override { paused_ = true; }
    void resume_producing() override {
        paused_ = false;
        read_on();
    }
    void stop_producing() override {
        Transport& lost = *std::exchange(transport_, nullptr);
        Failure reason = make_failure(ConnectionAborted("the connection that a file was sent to is gone"));
        Deferred<> asked = lost.drained();  // a lost connection says here why it is
        if (asked.ready()) {
            const Result<> answer = asked.take();
            if (!answer) reason = answer.failure();
        }
        finish(reason);
    }

private:
    void read_on() {
        if (paused_ || reading_ || transport_ == nullptr) return;
        const std::uint64_t left = options_.count - sent_;
        const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, options_.chunk));
        reading_ = true;
        const auto self = shared_from_this();
        read_ = file_->read(options_.offset + sent_, size).add_both([this](Result<Bytes> result) {
            reading_ = false;
            written(std::move(result));
        });
    }

    void written(Result<Bytes> result) {
        const auto self = shared_from_this();
        if (!result) return finish(result.failure());
        const std::size_t size = result.value().size();
        sent_ += size;
        if (size > 0) transport_->write(std::move(result).value());
        if (transport_ == nullptr) return;
        if (size == 0 || sent_ == options_.count) return finish();
        read_on();
    }

    void finish() {
        Promise<std::uint64_t> promise = std::move(promise_);
        const std::uint64_t sent = sent_;
        end();
        promise.callback(sent);
    }
    void finish(const Failure& failure) {
        Promise<std::uint64_t> promise = std::move(promise_);
        end();
        promise.errback(failure);
    }

    /// Touches nothing of this afterwards.
    void end() noexcept {
        const auto self = std::move(self_);
        contain([this] {
            if (Transport* transport = std::exchange(transport_, nullptr)) transport->unregister_producer();
        });
        read_ = Deferred<>();
    }

    std::shared_ptr<detail::FileQueue> file_;
    Transport* transport_;  ///< null once lost or finished
    SendFileOptions options_;
    std::uint64_t sent_ = 0;
    bool paused_ = false;
    bool reading_ = false;
    Deferred<> read_;
    Promise<std::uint64_t> promise_;
    std::shared_ptr<FileSender> self_;
};

}  // namespace

Deferred<std::uint64_t> send_file(File& file, Transport& transport, SendFileOptions options) {
    if (options.chunk == 0 || options.chunk > File::most_read)
        return fail<std::uint64_t>(std::invalid_argument("send_file: a chunk of " + std::to_string(options.chunk) +
                                                         " bytes: it has to be 1 to " +
                                                         std::to_string(File::most_read)));
    const auto& queue = detail::FileAccess::queue(file);
    if (queue == nullptr) return fail<std::uint64_t>(FileClosed("there is no open file to send", "", 0));
    try {
        return std::make_shared<FileSender>(queue, transport, options)->start();
    } catch (...) {
        return fail<std::uint64_t>(Failure::current());
    }
}

}  // namespace plait
