#include "plait/reactor/detail/file_work.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "plait/reactor/detail/socket.hpp"

namespace plait::detail {
namespace {

constexpr std::size_t first_read = 64 * 1024;

int flags_for(OpenMode mode) noexcept {
    switch (mode) {
        case OpenMode::read:
            return O_RDONLY;
        case OpenMode::update:
            return O_RDWR;
        case OpenMode::create:
            return O_RDWR | O_CREAT;
        case OpenMode::create_new:
            return O_RDWR | O_CREAT | O_EXCL;
        case OpenMode::truncate:
            return O_RDWR | O_CREAT | O_TRUNC;
    }
    return O_RDONLY;
}

/// A pipe would keep its thread for as long as nobody opens its other end; so none is waited for.
UniqueFd open_regular(const std::string& what, const std::string& path, int flags, unsigned permissions) {
    if (path.find('\0') != std::string::npos)
        throw FileNotFound("cannot " + what + " a file whose name holds a zero byte", path, 0);
    UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, permissions));
    if (!fd) throw_file_error(what, path, errno);
    struct stat about{};
    if (::fstat(fd.get(), &about) != 0) throw_file_error(what, path, errno);
    if (!S_ISREG(about.st_mode)) throw NotAFile("cannot " + what + " " + path + ": it is no regular file", path, 0);
    return fd;
}

/// Carries one system call on until `data` is through.
template <typename Write>
void write_all(const OpenedFile& file, const Bytes& data, Write write) {
    for (std::size_t done = 0; done < data.size();) {
        const ssize_t written = write(data.data() + done, data.size() - done, done);
        if (written > 0) done += static_cast<std::size_t>(written);
        if (written < 0 && errno != EINTR) throw_file_error("write", file.path, errno);
    }
}

void sync_directory_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0) throw_file_error("sync the directory of", path, errno);
}

/// What a new file beside `path` is to be allowed: as what it replaces, or as if it were made by open().
mode_t mode_for(const std::string& path, unsigned wanted) noexcept {
    struct stat about{};
    if (::stat(path.c_str(), &about) == 0) return about.st_mode & 0777;
    // There is no way to ask for the umask without setting it for all threads, but for this.
    const UniqueFd status(::open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC));
    char text[512] = {};
    const ssize_t got = status ? ::read(status.get(), text, sizeof text - 1) : 0;
    const std::string_view all(text, got > 0 ? static_cast<std::size_t>(got) : 0);
    const std::size_t found = all.find("Umask:\t");
    const unsigned long umask = found != std::string_view::npos ? std::strtoul(text + found + 7, nullptr, 8) : 022;
    return wanted & ~static_cast<unsigned>(umask) & 0777;
}

/// A file that is not what it was meant to be yet; removed unless it takes its place.
class Replacement {
public:
    explicit Replacement(const std::string& path) : path_(path) {
        const std::size_t slash = path.rfind('/');
        const std::size_t name = slash == std::string::npos ? 0 : slash + 1;
        // A part of the name, as names have a limit.
        beside_ = path.substr(0, name) + "." + path.substr(name, 64) + ".XXXXXX";
        file_.fd.reset(::mkostemp(beside_.data(), O_CLOEXEC));
        file_.path = path;
        if (!file_.fd) throw_file_error("make a file beside", path, errno);
    }
    Replacement(const Replacement&) = delete;
    Replacement& operator=(const Replacement&) = delete;
    ~Replacement() {
        if (!beside_.empty()) ::unlink(beside_.c_str());
    }

    OpenedFile& file() noexcept { return file_; }

    void take_its_place() {
        if (::rename(beside_.c_str(), path_.c_str()) != 0) throw_file_error("replace", path_, errno);
        beside_.clear();
    }

private:
    const std::string& path_;
    std::string beside_;
    OpenedFile file_;
};

void check_replaceable(const std::string& path) {
    if (path.find('\0') != std::string::npos || path.empty())
        throw FileNotFound("cannot write a file without a name, or with a zero byte in it", path, 0);
    struct stat about{};
    if (::lstat(path.c_str(), &about) == 0 && !S_ISREG(about.st_mode) && !S_ISLNK(about.st_mode))
        throw NotAFile("cannot replace " + path + ": it is no regular file", path, 0);
}

}  // namespace

void throw_file_error(const std::string& what, const std::string& path, int error) {
    const std::string sentence = "cannot " + what + " " + path + ": " + error_text(error);
    switch (error) {
        case ENOENT:
        case ENOTDIR:
            throw FileNotFound(sentence, path, error);
        case EEXIST:
            throw FileExists(sentence, path, error);
        case EACCES:
        case EPERM:
        case EROFS:
        case ETXTBSY:
            throw FileNotPermitted(sentence, path, error);
        case EISDIR:
        case ENXIO:
        case ESPIPE:
            throw NotAFile(sentence, path, error);
        case ENOSPC:
        case EDQUOT:
            throw NoSpaceLeft(sentence, path, error);
        case EFBIG:
        case EOVERFLOW:
            throw FileTooLarge(sentence, path, error);
        default:
            throw FileError(sentence, path, error);
    }
}

OpenedFile open_for(const std::string& path, OpenMode mode, unsigned permissions) {
    return {open_regular("open", path, flags_for(mode), permissions), path};
}

std::string read_part(const OpenedFile& file, std::uint64_t offset, std::size_t size) {
    std::string text;
    std::size_t done = 0;
    while (done < size) {
        // Room grows with what comes: files in /proc have no size, and `size` may be generous.
        if (done == text.size()) text.resize(std::min(size, std::max(first_read, done * 2)));
        const ssize_t got =
            ::pread(file.fd.get(), text.data() + done, text.size() - done, static_cast<off_t>(offset + done));
        if (got == 0) break;
        if (got > 0) done += static_cast<std::size_t>(got);
        if (got < 0 && errno != EINTR) throw_file_error("read", file.path, errno);
    }
    text.resize(done);
    return text;
}

void write_part(const OpenedFile& file, std::uint64_t offset, const Bytes& data) {
    write_all(file, data, [&](const char* from, std::size_t size, std::size_t done) {
        return ::pwrite(file.fd.get(), from, size, static_cast<off_t>(offset + done));
    });
}

void append_to(const OpenedFile& file, const Bytes& data) {
    write_all(file, data, [&](const char* from, std::size_t size, std::size_t) {
        const iovec piece{const_cast<char*>(from), size};
        const ssize_t written = ::pwritev2(file.fd.get(), &piece, 1, 0, RWF_APPEND);
        if (written >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS)) return written;
        const off_t end = ::lseek(file.fd.get(), 0, SEEK_END);
        return end < 0 ? ssize_t{-1} : ::pwrite(file.fd.get(), from, size, end);
    });
}

std::uint64_t size_of(const OpenedFile& file) {
    struct stat about{};
    if (::fstat(file.fd.get(), &about) != 0) throw_file_error("ask for the size of", file.path, errno);
    return static_cast<std::uint64_t>(about.st_size);
}

void truncate_to(const OpenedFile& file, std::uint64_t size) {
    if (::ftruncate(file.fd.get(), static_cast<off_t>(size)) != 0)
        throw_file_error("change the size of", file.path, errno);
}

void sync_to_disk(const OpenedFile& file) {
    if (::fsync(file.fd.get()) != 0) throw_file_error("sync", file.path, errno);
}

void close_file(OpenedFile& file) {
    // After EINTR, too, Linux has closed it.
    if (::close(file.fd.release()) != 0 && errno != EINTR) throw_file_error("close", file.path, errno);
}

std::string read_whole(const std::string& path, std::size_t most) {
    const OpenedFile file{open_regular("read", path, O_RDONLY, 0), path};
    const std::size_t one_more = most + (most < std::string().max_size() ? 1 : 0);
    std::string text = read_part(file, 0, one_more);
    if (text.size() > most)
        throw FileTooLarge(
            "cannot read " + path + ": it holds more than the " + std::to_string(most) + " bytes allowed", path, 0);
    return text;
}

void write_whole(const std::string& path, const Bytes& content, const WriteFileOptions& options) {
    if (!options.replace) {
        OpenedFile file{open_regular("write", path, O_WRONLY | O_CREAT | O_TRUNC, options.mode), path};
        write_part(file, 0, content);
        if (options.sync) sync_to_disk(file);
        return close_file(file);
    }
    check_replaceable(path);
    Replacement replacement(path);
    OpenedFile& file = replacement.file();
    if (::fchmod(file.fd.get(), mode_for(path, options.mode)) != 0) throw_file_error("set the mode of", path, errno);
    write_part(file, 0, content);
    if (options.sync) sync_to_disk(file);
    close_file(file);
    replacement.take_its_place();
    if (options.sync) sync_directory_of(path);
}

}  // namespace plait::detail
