#include "packages.hpp"

#include <boost/json.hpp>
#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string_view>
#include <unordered_set>

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
    value["maintainer"] = field(stanza, "Maintainer");
    package.value = json::serialize(value);

    json::object document = value;
    document["_id"] = package.id;
    document["name"] = name;
    document["description"] = field(stanza, "Description");
    package.document = json::serialize(document);
    return package;
}

}  // namespace

std::vector<Package> read_packages(std::istream& index) {
    std::vector<Package> packages;
    std::unordered_set<std::string> seen;
    Stanza stanza;
    const auto finish = [&] {
        if (stanza.contains("Package")) {
            Package package = make_package(stanza);
            if (seen.insert(package.id).second) packages.push_back(std::move(package));
        }
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
    return packages;
}

std::vector<Package> read_packages(const std::string& file) {
    std::ifstream input;
    if (file != "-") {
        input.open(file);
        if (!input) throw std::runtime_error("cannot read the package index " + file);
    }
    auto packages = read_packages(file == "-" ? std::cin : input);
    if (packages.empty()) {
        throw std::runtime_error("there is no package in " + file +
                                 ": make it with `apt-cache dumpavail`, after `apt-get update`");
    }
    return packages;
}

}  // namespace view_server
