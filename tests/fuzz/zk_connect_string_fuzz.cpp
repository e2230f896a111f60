#include "plait/tests/fuzz/fuzz.hpp"
#include "plait/zk/connect_string.hpp"
#include "plait/zk/error.hpp"

namespace plait::fuzz {

void one_input(std::string_view input) {
    try {
        const auto read = zk::ConnectString::parse(input);
        expect(!read.hosts.empty(), "a connect string names a host");
        expect(zk::ConnectString::parse(read.str()) == read, "what it is written as reads as the same");
    } catch (const zk::BadArguments&) {
    }
}

}  // namespace plait::fuzz
