#include "journal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <system_error>

namespace view_mirror {
namespace {

[[noreturn]] void fail(const std::string& what, const std::filesystem::path& path) {
    throw std::system_error(errno, std::generic_category(), what + " " + path.string());
}

}  // namespace

JournalWriter::JournalWriter(const std::filesystem::path& directory, const std::string& term) {
    for (int attempt = 0; fd_ < 0; ++attempt) {
        segment_.file = term + (attempt == 0 ? "" : "-" + std::to_string(attempt)) + ".rows";
        path_ = directory / segment_.file;
        fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
        if (fd_ < 0 && errno != EEXIST) fail("cannot create the journal", path_);
    }
}

JournalWriter::~JournalWriter() {
    ::close(fd_);
}

void JournalWriter::add(std::string_view row) {
    const auto start = batch_.size();
    batch_ += row;
    // A line break in a row can only stand between its tokens: JSON strings may not hold one.
    std::replace(batch_.begin() + static_cast<std::ptrdiff_t>(start), batch_.end(), '\n', ' ');
    batch_ += '\n';
    ++batch_rows_;
}

void JournalWriter::flush() {
    std::string_view rest = batch_;
    while (!rest.empty()) {
        const auto written = ::write(fd_, rest.data(), rest.size());
        if (written < 0) {
            if (errno == EINTR) continue;
            fail("cannot write the journal", path_);
        }
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    segment_.bytes += batch_.size();
    segment_.rows += batch_rows_;
    forget_batch();
}

void JournalWriter::forget_batch() noexcept {
    batch_.clear();
    batch_rows_ = 0;
}

JournalReader::JournalReader(const std::filesystem::path& directory, const Segment& segment, std::uint64_t from)
    : path_(directory / segment.file), file_(path_, std::ios::binary), position_(from), end_(segment.bytes) {
    file_.seekg(static_cast<std::streamoff>(from));
}

bool JournalReader::next(std::string& row) {
    if (position_ >= end_) return false;
    if (!std::getline(file_, row)) {
        throw std::runtime_error("the journal " + path_.string() + " ends before byte " + std::to_string(end_) +
                                 ", which the checkpoint counts as mirrored: give all instances the same --data "
                                 "folder, or delete the checkpoint to mirror afresh");
    }
    position_ += row.size() + 1;
    return true;
}

}  // namespace view_mirror
