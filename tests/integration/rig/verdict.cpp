#include "verdict.hpp"

#include <boost/json.hpp>

#include "journal.hpp"

namespace rig {

Verdict judge(const std::filesystem::path& journal, const view_mirror::Checkpoint& checkpoint,
              const std::unordered_set<std::string>& expected) {
    Verdict verdict;
    verdict.expected = expected.size();
    std::unordered_set<std::string> seen;
    for (const auto& segment : checkpoint.segments) {
        view_mirror::JournalReader reader(journal, segment, 0);
        for (std::string row; reader.next(row);) {
            ++verdict.mirrored;
            const auto value = boost::json::parse(row);
            std::string id(value.as_object().at("id").as_string());
            if (!expected.contains(id)) ++verdict.strange;
            if (!seen.insert(std::move(id)).second) ++verdict.repeated;
        }
    }
    for (const auto& id : expected) {
        if (!seen.contains(id)) ++verdict.lost;
    }
    return verdict;
}

}  // namespace rig
