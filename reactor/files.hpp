// Files, read and written by threads while the loop goes on: whole ones, and parts of open ones.
// Not for what can be watched, such as pipes and terminals: see descriptors.hpp. To send a file see send_file.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "plait/deferred/deferred.hpp"
#include "plait/reactor/bytes.hpp"
#include "plait/reactor/file_errors.hpp"
#include "plait/reactor/reactor.hpp"

namespace plait {

namespace detail {
class FileQueue;
struct FileAccess;
}  // namespace detail

/// Reads a whole file, of `most` bytes at most.
/// Fires:  with all that was in it.
/// Fails:  with a FileError naming the path and the cause; with what defer_to_thread() fails with.
/// Cancel: what has begun goes on in its thread; its result is dropped. Dropping likewise.
/// Stop:   so does Reactor::stop(), which waits for it: the file may have been written although this failed with
///         ReactorStopped.
Deferred<Bytes> read_file(Reactor& reactor, std::string path, std::size_t most = 64 * 1024 * 1024);

struct WriteFileOptions {
    /// Writes a file beside it and puts it in its place when it is complete: readers see the old one or the new one,
    /// and so does whoever comes after a crash if `sync` is set. Else the file is emptied and written anew.
    /// A symbolic link is replaced, not followed. Whoever has the old one open keeps it.
    bool replace = true;
    /// Waits until it is on the disk.
    bool sync = false;
    /// For a file that was not there, less the process's umask; one that was keeps its own.
    unsigned mode = 0666;
};

/// Writes a whole file. Fails and Cancel as for read_file; when it fails with `replace`, the old file is as it was.
Deferred<> write_file(Reactor& reactor, std::string path, Bytes content, WriteFileOptions options = {});

/// How a File is opened. All but `read` may write, and read what is there.
enum class OpenMode : unsigned char {
    read,
    update,      ///< it has to be there
    create,      ///< it is made when it is not there
    create_new,  ///< it may not be there
    truncate,    ///< as `create`, and emptied
};

/// An open file.
///
/// Order:    what is asked of one File is done one after the other, in the order it was asked for, each in a thread of
///           the reactor's pool. Several Files work at the same time.
/// Fails:    each with a FileError that names path and cause; FileClosed after close(); FileBusy when `most_waiting`
///           wait, or `most_bytes_waiting`; ThreadPoolFull and ThreadPoolStopped; ReactorStopped when the reactor is
///           stopped or destroyed first.
/// Cancel:   work that has not begun is taken back; what has begun is done, and its result dropped. Dropping likewise.
/// Stop:     Reactor::stop() leaves the file open. What waits fails and is not done; what has begun fails and is done
///           all the same, before run() returns. In the next run the file is used as before, and one whose close() was
///           not done can be closed.
/// Lifetime: move-only. Destroying it closes the file after what was asked for, which goes on. It may outlive its
///           reactor; it is then closed where it is destroyed.
/// Threads:  the reactor's.
class File {
public:
    /// Pieces of work that may wait, and bytes to be written in them.
    static constexpr std::size_t most_waiting = 1000;
    static constexpr std::size_t most_bytes_waiting = 64 * 1024 * 1024;
    /// What one read may ask for.
    static constexpr std::size_t most_read = 256 * 1024 * 1024;

    /// None; every call fails with FileClosed.
    File() noexcept;
    File(File&&) noexcept;
    File& operator=(File&&) noexcept;
    ~File();

    const std::string& path() const noexcept;

    /// Fires with `size` bytes from `offset` on, or as many as there are: none behind the end.
    Deferred<Bytes> read_at(std::uint64_t offset, std::size_t size);

    /// Writes all of `data`. Behind the end, what lies between reads as zeros.
    Deferred<> write_at(std::uint64_t offset, Bytes data);

    /// Writes all of `data` behind what is there. Two programs that append to one file do not overwrite each other.
    Deferred<> append(Bytes data);

    /// Fires with its length in bytes, when what was asked for before is done.
    Deferred<std::uint64_t> size();

    /// Cuts it, or lengthens it with zeros.
    Deferred<> truncate(std::uint64_t size);

    /// Fires when all that was written is on the disk.
    Deferred<> sync();

    /// Closes it after what was asked for before; what is asked for later fails. Fails when closing does: what was
    /// written may not have arrived. Cancel: it is closed all the same.
    Deferred<> close();

private:
    friend Deferred<File> open_file(Reactor& reactor, std::string path, OpenMode mode, unsigned permissions);
    friend struct detail::FileAccess;
    explicit File(std::shared_ptr<detail::FileQueue> queue) noexcept;

    std::shared_ptr<detail::FileQueue> queue_;
};

/// Opens a file. `permissions` are for one that is made, less the process's umask.
/// Fires:  with the File.
/// Fails:  with a FileError: FileNotFound, FileExists, FileNotPermitted, NotAFile and others.
/// Cancel: one that is being opened is closed again.
Deferred<File> open_file(Reactor& reactor, std::string path, OpenMode mode = OpenMode::read,
                         unsigned permissions = 0666);

}  // namespace plait
