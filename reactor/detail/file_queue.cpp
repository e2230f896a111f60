#include "plait/reactor/detail/file_queue.hpp"

#include <utility>

#include "plait/deferred/unhandled.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/reactor.hpp"
#include "plait/reactor/threads.hpp"

namespace plait::detail {

/// A thread's turn with the file.
class FileQueue::Use {
public:
    explicit Use(std::shared_ptr<Shared> file) noexcept : file_(std::move(file)) { file_->in_use = true; }
    Use(Use&&) noexcept = default;
    Use& operator=(Use&&) = delete;
    ~Use() {
        if (file_ != nullptr) file_->in_use.store(false, std::memory_order_release);
    }

    OpenedFile& file() const noexcept { return file_->opened; }

private:
    std::shared_ptr<Shared> file_;
};

FileQueue::FileQueue(ReactorCore& core, OpenedFile file)
    : core_(&core), file_(std::make_shared<Shared>(std::move(file))) {
    core.add_resource(*this);
}

FileQueue::~FileQueue() {
    if (core_ == nullptr || in_use() || !file_->opened.fd) return;
    // Closing may wait for a disk or a server, so it is not done here if that can be helped.
    try {
        call_in_thread(core_->reactor(), [file = std::move(file_)]() mutable { file.reset(); });
    } catch (...) {  // it is done here
    }
}

Deferred<FileQueue::Outcome> FileQueue::add(Work work, std::size_t bytes) {
    if (waiting_.size() >= File::most_waiting || bytes_waiting_ + bytes > File::most_bytes_waiting)
        if (!waiting_.empty() || bytes > File::most_bytes_waiting)
            return fail<Outcome>(
                FileBusy("too much waits to be done with " + path() + ": wait for some of it", path(), 0));
    return queue(std::move(work), bytes, Kind::ordinary);
}

Deferred<Bytes> FileQueue::read(std::uint64_t offset, std::size_t size) {
    return add([offset, size](OpenedFile& file) { return Outcome{read_part(file, offset, size)}; })
        .add_callback([](Outcome outcome) { return Bytes::own(std::move(outcome.data)); });
}

Deferred<> FileQueue::close() {
    return queue(
               [](OpenedFile& file) {
                   close_file(file);
                   return Outcome{};
               },
               0, Kind::closing)
        .add_callback([](const Outcome&) {});
}

Deferred<FileQueue::Outcome> FileQueue::queue(Work work, std::size_t bytes, Kind kind) {
    if (closed_) return fail<Outcome>(FileClosed(path() + " is closed", path(), 0));
    if (core_ == nullptr)
        return fail<Outcome>(ReactorStopped("nothing is done with " + path() + ": its reactor is gone"));
    if (!running_ && in_use())
        return fail<Outcome>(ReactorStopped("nothing is done with " + path() + ": its reactor is being stopped"));
    const auto place = waiting_.insert(waiting_.end(), Waiting{std::move(work), bytes, kind, {}});
    auto pair = make_deferred<Outcome>();
    if (kind == Kind::ordinary) pair.promise.on_cancel([this, place] { take_back(place); });
    place->promise = std::move(pair.promise);
    bytes_waiting_ += bytes;
    closed_ = kind == Kind::closing;
    start_what_is_due();
    return std::move(pair.deferred);
}

void FileQueue::take_back(Line::iterator which) noexcept {
    bytes_waiting_ -= which->bytes;
    Line taken;  // what the work holds may hold us
    taken.splice(taken.begin(), waiting_, which);
}

void FileQueue::start_what_is_due() {
    if (std::exchange(starting_, true)) return;
    const auto self = shared_from_this();
    while (!running_ && !waiting_.empty() && core_ != nullptr)
        in_use() ? drop_what_waits() : start_first();
    starting_ = false;
}

void FileQueue::start_first() {
    Waiting first = std::move(waiting_.front());
    waiting_.pop_front();
    bytes_waiting_ -= first.bytes;
    running_ = true;
    first.promise.on_cancel([] {});  // it cannot be taken back any more
    defer_to_thread(core_->reactor(),
                    [use = Use(file_), work = std::move(first.work)]() mutable { return work(use.file()); })
        .add_both([self = shared_from_this(), kind = first.kind, promise = std::move(first.promise)](
                      Result<Outcome> result) mutable { self->ended(kind, std::move(result), std::move(promise)); })
        .detach([](const Failure& failure) { report_unhandled_failure(failure); });
}

void FileQueue::ended(Kind kind, Result<Outcome> result, Promise<Outcome> promise) {
    running_ = false;
    // Not closed, for want of a thread: then it can be asked for again.
    if (kind == Kind::closing && !result && !in_use() && file_->opened.fd) closed_ = false;
    start_what_is_due();
    if (result) {
        promise.callback(std::move(result).value());
    } else {
        promise.errback(result.failure());
    }
}

void FileQueue::reactor_destroyed() noexcept {
    core_ = nullptr;
    drop_what_waits();
}

void FileQueue::reactor_stopped() noexcept {
    core_->add_resource(*this);  // it stays open, for the next run
    drop_what_waits();
}

void FileQueue::drop_what_waits() noexcept {
    const auto self = weak_from_this().lock();
    Line dropped = std::exchange(waiting_, {});
    bytes_waiting_ = 0;
    const Failure reason =
        make_failure(ReactorStopped("nothing more is done with " + path() + ": its reactor was stopped or destroyed"));
    // All of them first: who is told of one may drop another, which is in the line no more.
    for (Waiting& each : dropped) {
        each.promise.on_cancel([] {});
        if (each.kind == Kind::closing) closed_ = false;
    }
    for (Waiting& each : dropped)
        each.promise.errback(reason);
}

}  // namespace plait::detail
