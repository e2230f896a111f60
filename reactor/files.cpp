#include "plait/reactor/files.hpp"

#include <stdexcept>
#include <utility>

#include "plait/reactor/detail/file_queue.hpp"
#include "plait/reactor/detail/file_work.hpp"
#include "plait/reactor/threads.hpp"

namespace plait {

namespace {

using Outcome = detail::FileQueue::Outcome;

FileClosed no_file() {
    return FileClosed("there is no open file", "", 0);
}

Deferred<> without_value(Deferred<Outcome> done) {
    return std::move(done).add_callback([](const Outcome&) {});
}

}  // namespace

File::File() noexcept = default;
File::File(File&&) noexcept = default;
File& File::operator=(File&&) noexcept = default;
File::~File() = default;
File::File(std::shared_ptr<detail::FileQueue> queue) noexcept : queue_(std::move(queue)) {}

const std::string& File::path() const noexcept {
    static const std::string none;
    return queue_ != nullptr ? queue_->path() : none;
}

Deferred<Bytes> File::read_at(std::uint64_t offset, std::size_t size) {
    if (queue_ == nullptr) return fail<Bytes>(no_file());
    if (size > most_read)
        return fail<Bytes>(std::invalid_argument("cannot read " + std::to_string(size) + " bytes of " + path() +
                                                 " at once: " + std::to_string(most_read) + " is the most"));
    return queue_->read(offset, size);
}

Deferred<> File::write_at(std::uint64_t offset, Bytes data) {
    if (queue_ == nullptr) return fail(no_file());
    const std::size_t size = data.size();
    return without_value(queue_->add(
        [offset, data = std::move(data)](detail::OpenedFile& file) {
            detail::write_part(file, offset, data);
            return Outcome{};
        },
        size));
}

Deferred<> File::append(Bytes data) {
    if (queue_ == nullptr) return fail(no_file());
    const std::size_t size = data.size();
    return without_value(queue_->add(
        [data = std::move(data)](detail::OpenedFile& file) {
            detail::append_to(file, data);
            return Outcome{};
        },
        size));
}

Deferred<std::uint64_t> File::size() {
    if (queue_ == nullptr) return fail<std::uint64_t>(no_file());
    return queue_->add([](detail::OpenedFile& file) { return Outcome{{}, detail::size_of(file)}; })
        .add_callback([](const Outcome& outcome) { return outcome.number; });
}

Deferred<> File::truncate(std::uint64_t size) {
    if (queue_ == nullptr) return fail(no_file());
    return without_value(queue_->add([size](detail::OpenedFile& file) {
        detail::truncate_to(file, size);
        return Outcome{};
    }));
}

Deferred<> File::sync() {
    if (queue_ == nullptr) return fail(no_file());
    return without_value(queue_->add([](detail::OpenedFile& file) {
        detail::sync_to_disk(file);
        return Outcome{};
    }));
}

Deferred<> File::close() {
    return queue_ != nullptr ? queue_->close() : fail(no_file());
}

Deferred<File> open_file(Reactor& reactor, std::string path, OpenMode mode, unsigned permissions) {
    return defer_to_thread(reactor, [path = std::move(path), mode,
                                     permissions] { return detail::open_for(path, mode, permissions); })
        .add_callback([&core = reactor.core()](detail::OpenedFile file) {
            return File(std::make_shared<detail::FileQueue>(core, std::move(file)));
        });
}

Deferred<Bytes> read_file(Reactor& reactor, std::string path, std::size_t most) {
    return defer_to_thread(reactor, [path = std::move(path), most] { return detail::read_whole(path, most); })
        .add_callback([](std::string content) { return Bytes::own(std::move(content)); });
}

Deferred<> write_file(Reactor& reactor, std::string path, Bytes content, WriteFileOptions options) {
    return defer_to_thread(reactor, [path = std::move(path), content = std::move(content), options] {
        detail::write_whole(path, content, options);
    });
}

}  // namespace plait
