// Reads a Debian package index, as `apt-cache dumpavail` prints it, into documents.
#pragma once

#include <istream>
#include <string>
#include <vector>

namespace view_server {

/// A package as a document: its id ("zlib1g_1:1.2.13.dfsg-1_amd64"), and key, value and whole body as JSON text.
struct Package {
    std::string id;
    std::string key;
    std::string value;
    std::string document;
};

/// Every package in `index`, in its order; one that is listed twice comes once.
std::vector<Package> read_packages(std::istream& index);

/// The same from a file, `-` being standard input. Throws std::runtime_error when it cannot be read or holds no
/// package.
std::vector<Package> read_packages(const std::string& file);

}  // namespace view_server
