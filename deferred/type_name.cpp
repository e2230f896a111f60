#include "plait/deferred/type_name.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <string_view>

namespace plait {

std::string readable_name(const std::type_info& type) {
    int status = 0;
    char* readable = abi::__cxa_demangle(type.name(), nullptr, nullptr, &status);
    std::string name = readable != nullptr ? readable : type.name();
    std::free(readable);
    // What std::throw_with_nested throws is of a type of the library's; the user knows the one inside.
    constexpr std::string_view wrapper = "std::_Nested_exception<";
    if (name.starts_with(wrapper) && name.ends_with('>'))
        name = name.substr(wrapper.size(), name.size() - wrapper.size() - 1);
    return name;
}

}  // namespace plait
