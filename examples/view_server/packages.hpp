// Reads a Debian package index, as `apt-cache dumpavail` prints it, into documents.
#pragma once

#include <functional>
#include <istream>
#include <string>

namespace view_server {

/// A package as a document: its id ("zlib1g_1:1.2.13.dfsg-1_amd64"), and key, value and whole body as JSON text.
struct Package {
    std::string id;
    std::string key;
    std::string value;
    std::string document;
};

/// Calls `package` for every stanza of `index` that names a package; fields it does not know are skipped.
void read_packages(std::istream& index, const std::function<void(Package)>& package);

}  // namespace view_server
