#include "packages.hpp"

#include <boost/json.hpp>
#include <map>
#include <string_view>

namespace view_server {
namespace {
namespace json = boost::json;

using Stanza = std::map<std::string, std::string, std::less<>>;

std::string_view field(const Stanza& stanza, std::string_view name) {
    const auto found = stanza.find(name);
    return found == stanza.end() ? std::string_view() : std::string_view(found->second);
}

json::value number_or_null(std::string_view text) {
    try {
        return std::stoull(std::string(text));
    } catch (const std::exception&) {
        return nullptr;
    }
}

Package make_package(const Stanza& stanza) {
    const auto name = std::string(field(stanza, "Package"));
    Package package;
    package.id = name + "_" + std::string(field(stanza, "Version")) + "_" + std::string(field(stanza, "Architecture"));
    package.key = json::serialize(json::value(name));

    json::object value;
    value["version"] = field(stanza, "Version");
    value["size"] = number_or_null(field(stanza, "Size"));
    value["section"] = field(stanza, "Section");
    package.value = json::serialize(value);

    json::object document = value;
    document["_id"] = package.id;
    document["name"] = name;
    document["maintainer"] = field(stanza, "Maintainer");
    document["description"] = field(stanza, "Description");
    package.document = json::serialize(document);
    return package;
}

}  // namespace

void read_packages(std::istream& index, const std::function<void(Package)>& package) {
    Stanza stanza;
    const auto finish = [&] {
        if (stanza.contains("Package")) package(make_package(stanza));
        stanza.clear();
    };
    for (std::string line; std::getline(index, line);) {
        if (line.empty()) {
            finish();
            continue;
        }
        const auto colon = line.find(": ");
        if (line.front() == ' ' || colon == std::string::npos) continue;
        stanza.try_emplace(line.substr(0, colon), line.substr(colon + 2));
    }
    finish();
}

}  // namespace view_server
