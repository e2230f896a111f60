#include "config.hpp"

#include <array>
#include <boost/json.hpp>
#include <stdexcept>

namespace view_mirror {
namespace {
namespace json = boost::json;

constexpr std::size_t largest_batch = 100'000;

std::string text_member(const json::object& root, std::string_view name, const char* otherwise) {
    const auto* member = root.if_contains(name);
    if (member == nullptr) {
        if (otherwise != nullptr) return otherwise;
        throw std::invalid_argument("\"" + std::string(name) + "\" is missing: add it, as text");
    }
    if (!member->is_string() || (otherwise == nullptr && member->get_string().empty())) {
        throw std::invalid_argument("\"" + std::string(name) + "\" must be text, and not empty");
    }
    return std::string(member->get_string());
}

std::size_t batch_member(const json::object& root, std::size_t otherwise) {
    const auto* member = root.if_contains("batch");
    if (member == nullptr) return otherwise;
    boost::system::error_code bad;
    const auto batch = member->to_number<std::size_t>(bad);
    if (bad || batch == 0 || batch > largest_batch) {
        throw std::invalid_argument("\"batch\" must be a whole number from 1 to " + std::to_string(largest_batch));
    }
    return batch;
}

void refuse_unknown_members(const json::object& root) {
    static constexpr std::array<std::string_view, 6> known{"url", "design", "view", "dialect", "query", "batch"};
    for (const auto& member : root) {
        const std::string_view name(member.key().data(), member.key().size());
        bool found = false;
        for (const auto one : known)
            found = found || one == name;
        if (!found) {
            throw std::invalid_argument("\"" + std::string(name) +
                                        "\" is not a member this program knows: it knows url, design, view, dialect, "
                                        "query and batch");
        }
    }
}

}  // namespace

Config Config::parse(std::string_view text) {
    boost::system::error_code bad;
    const json::value value = json::parse(json::string_view(text.data(), text.size()), bad);
    if (bad) throw std::invalid_argument("it is not JSON (" + bad.message() + ")");
    if (!value.is_object()) throw std::invalid_argument("it is JSON, but not an object: write {\"url\": ..., ...}");

    const auto& root = value.get_object();
    refuse_unknown_members(root);
    Config config;
    config.url = text_member(root, "url", nullptr);
    config.design = text_member(root, "design", nullptr);
    config.view = text_member(root, "view", nullptr);
    config.dialect = text_member(root, "dialect", "couchdb");
    config.query = text_member(root, "query", "");
    config.batch = batch_member(root, config.batch);
    if (config.dialect != "couchdb" && config.dialect != "couchbase") {
        throw std::invalid_argument("\"dialect\" must be \"couchdb\" or \"couchbase\", not \"" + config.dialect + "\"");
    }
    return config;
}

std::string Config::source() const {
    return design + "/" + view + "?" + query;
}

}  // namespace view_mirror
