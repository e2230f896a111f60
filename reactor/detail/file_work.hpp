// FileWork: what is done with files in a thread: plain system calls, repeated until all is done, with errors that name
// the path. Blocks; knows no reactor.
#pragma once

#include <cstdint>
#include <string>

#include "plait/reactor/bytes.hpp"
#include "plait/reactor/files.hpp"
#include "plait/reactor/unique_fd.hpp"

namespace plait::detail {

/// An open file and what it is called in errors.
struct OpenedFile {
    UniqueFd fd;
    std::string path;
};

/// Throws the FileError for `error`: "cannot WHAT PATH: CAUSE".
[[noreturn]] void throw_file_error(const std::string& what, const std::string& path, int error);

OpenedFile open_for(const std::string& path, OpenMode mode, unsigned permissions);

std::string read_part(const OpenedFile& file, std::uint64_t offset, std::size_t size);
void write_part(const OpenedFile& file, std::uint64_t offset, const Bytes& data);
void append_to(const OpenedFile& file, const Bytes& data);
std::uint64_t size_of(const OpenedFile& file);
void truncate_to(const OpenedFile& file, std::uint64_t size);
void sync_to_disk(const OpenedFile& file);
void close_file(OpenedFile& file);

std::string read_whole(const std::string& path, std::size_t most);
void write_whole(const std::string& path, const Bytes& content, const WriteFileOptions& options);

}  // namespace plait::detail
