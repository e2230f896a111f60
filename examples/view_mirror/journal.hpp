// Journal: the rows a mirror has handed on, in files that all instances share. One row a line, as the server sent it.
// Survives the death of the process, not of the machine: lines are written, not synced.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "checkpoint.hpp"

namespace view_mirror {

/// Appends rows to one segment file of its own. Destroying it closes the file.
class JournalWriter {
public:
    /// Creates a file that nobody else writes: `<term>.rows`, with a suffix when that name is taken.
    /// Throws std::system_error naming the file.
    JournalWriter(const std::filesystem::path& directory, const std::string& term);
    JournalWriter(const JournalWriter&) = delete;
    JournalWriter& operator=(const JournalWriter&) = delete;
    ~JournalWriter();

    /// Puts a row, as JSON text, on the next batch.
    void add(std::string_view row);

    /// Drops the batch.
    void forget_batch() noexcept;

    /// Writes the batch. What it wrote counts only once a checkpoint says so. Throws std::system_error.
    void flush();

    /// The whole file as a segment, without batches not flushed.
    const Segment& segment() const noexcept { return segment_; }

private:
    std::filesystem::path path_;
    int fd_ = -1;
    std::string batch_;
    std::uint64_t batch_rows_ = 0;
    Segment segment_;
};

/// Reads the rows of one segment that count.
class JournalReader {
public:
    /// From byte `from` of the segment on, which must be the start of a row.
    JournalReader(const std::filesystem::path& directory, const Segment& segment, std::uint64_t from);

    /// The next row, or false after the last that counts. Throws std::runtime_error naming the file when it is missing
    /// or shorter than the checkpoint says.
    bool next(std::string& row);

private:
    std::filesystem::path path_;
    std::ifstream file_;
    std::uint64_t position_;
    std::uint64_t end_;
};

}  // namespace view_mirror
