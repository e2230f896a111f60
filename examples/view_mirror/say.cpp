#include "say.hpp"

#include <cstdio>
#include <utility>

namespace view_mirror {
namespace {

std::string& speaker() {
    static std::string name = "view_mirror";
    return name;
}

}  // namespace

void set_speaker(std::string name) {
    speaker() = std::move(name);
}

void say(std::string_view text) {
    std::printf("%s: %.*s\n", speaker().c_str(), static_cast<int>(text.size()), text.data());
    std::fflush(stdout);
}

}  // namespace view_mirror
