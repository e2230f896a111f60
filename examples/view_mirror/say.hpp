// say(): one line on standard output for the operator.
#pragma once

#include <string>
#include <string_view>

namespace view_mirror {

/// The name that starts each line.
void set_speaker(std::string name);

/// "NAME: text", at once.
void say(std::string_view text);

}  // namespace view_mirror
