// Where libFuzzer, which brings its own main(), enters.
#include <cstddef>
#include <cstdint>

#include "plait/tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    plait::fuzz::one_input({reinterpret_cast<const char*>(data), size});
    return 0;
}
