// What can go wrong with files, as types to catch. Messages name the path and the cause.
// Not here: the pool whose threads do the work being full or stopped (thread_pool.hpp).
#pragma once

#include <string>

#include "plait/deferred/errors.hpp"

namespace plait {

/// Base of what work on a file fails with.
class FileError : public Error {
public:
    /// "cannot read /etc/shadow: permission denied"; `error` is an errno, 0 when the system had no part in it.
    FileError(const std::string& sentence, std::string path, int error)
        : Error(sentence), path_(std::move(path)), error_(error) {}

    const std::string& path() const noexcept { return path_; }
    int error() const noexcept { return error_; }

private:
    std::string path_;
    int error_;
};
/// There is no such file, or no such directory to make it in.
class FileNotFound : public FileError {
public:
    using FileError::FileError;
};
/// There is one already.
class FileExists : public FileError {
public:
    using FileError::FileError;
};
/// It may not be done: permissions, or a read-only file system.
class FileNotPermitted : public FileError {
public:
    using FileError::FileError;
};
/// It is a directory, a pipe or a device. For those that can be watched see descriptors.hpp.
class NotAFile : public FileError {
public:
    using FileError::FileError;
};
/// The file system is full, or a quota is used up.
class NoSpaceLeft : public FileError {
public:
    using FileError::FileError;
};
/// It holds more than was allowed.
class FileTooLarge : public FileError {
public:
    using FileError::FileError;
};
/// The File is closed.
class FileClosed : public FileError {
public:
    using FileError::FileError;
};
/// As much work waits for one File as may.
class FileBusy : public FileError {
public:
    using FileError::FileError;
};

}  // namespace plait
