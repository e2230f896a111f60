// FileQueue: what is asked of one File, done one after the other in threads. Lives in the reactor's thread.
// Not the work itself: that is file_work.hpp.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "plait/deferred/deferred.hpp"
#include "plait/deferred/unique_function.hpp"
#include "plait/reactor/detail/file_work.hpp"
#include "plait/reactor/detail/reactor_core.hpp"

namespace plait::detail {

/// Shared by the File and by the work under way.
class FileQueue final : public std::enable_shared_from_this<FileQueue>, private Resource {
public:
    struct Outcome {
        std::string data;
        std::uint64_t number = 0;
    };
    using Work = UniqueFunction<Outcome(OpenedFile&)>;

    FileQueue(ReactorCore& core, OpenedFile file);
    FileQueue(const FileQueue&) = delete;
    FileQueue& operator=(const FileQueue&) = delete;
    ~FileQueue();

    const std::string& path() const noexcept { return file_->opened.path; }

    /// `bytes` are held by `work` as long as it waits.
    Deferred<Outcome> add(Work work, std::size_t bytes = 0);
    Deferred<Bytes> read(std::uint64_t offset, std::size_t size);
    Deferred<> close();

private:
    /// The work under way may have been given up, by a reactor that stops, while its thread still does it.
    struct Shared {
        explicit Shared(OpenedFile file) noexcept : opened(std::move(file)) {}
        OpenedFile opened;
        std::atomic<bool> in_use = false;
    };
    class Use;

    enum class Kind : bool { ordinary, closing };
    struct Waiting {
        Work work;
        std::size_t bytes = 0;
        Kind kind = Kind::ordinary;
        Promise<Outcome> promise;
    };
    using Line = std::list<Waiting>;

    void reactor_destroyed() noexcept override;
    void reactor_stopped() noexcept override;
    std::string describe() const override { return "the open file " + path(); }

    Deferred<Outcome> queue(Work work, std::size_t bytes, Kind kind);
    bool in_use() const noexcept { return file_->in_use.load(std::memory_order_acquire); }
    void take_back(Line::iterator which) noexcept;
    void start_what_is_due();
    void start_first();
    void ended(Kind kind, Result<Outcome> result, Promise<Outcome> promise);
    void drop_what_waits() noexcept;

    ReactorCore* core_;  ///< null once it is gone
    std::shared_ptr<Shared> file_;
    Line waiting_;
    std::size_t bytes_waiting_ = 0;
    bool running_ = false;
    bool starting_ = false;
    bool closed_ = false;
};

/// For who works with Files from inside.
struct FileAccess {
    static const std::shared_ptr<FileQueue>& queue(const File& file) noexcept { return file.queue_; }
};

}  // namespace plait::detail
