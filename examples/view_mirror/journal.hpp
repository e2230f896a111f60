// Journal: the rows a mirror has handed on, in files that all instances share. One row a line, as the server sent it.
// Survives the death of the process, not of the machine: lines are written, not synced.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
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

    /// Writes the batch. What it wrote counts only once a checkpoint says so. Throws std::system_error.
    void flush();

    /// The whole file as a segment, batches not flushed excluded.
    const Segment& segment() const noexcept { return segment_; }

private:
    std::filesystem::path path_;
    int fd_ = -1;
    std::string batch_;
    std::uint64_t batch_rows_ = 0;
    Segment segment_;
};

/// Calls `row` for each line of `segment` from byte `from` on. Throws std::runtime_error naming the file when it is
/// missing or shorter than the checkpoint says.
void read_segment(const std::filesystem::path& directory, const Segment& segment, std::uint64_t from,
                  const std::function<void(std::string_view row)>& row);

}  // namespace view_mirror
