// Whether this machine has the address ::1, which many a container lacks: for tests that need it, and are skipped,
// which is seen, where it is not.
#pragma once

#include <boost/test/unit_test.hpp>

#include "plait/reactor/detail/socket.hpp"
#include "plait/reactor/unique_fd.hpp"

namespace plait::testing {

inline bool has_ipv6_loopback() {
    const UniqueFd fd(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto here = plait::detail::to_socket_address({"::1", 0});
    return fd && ::bind(fd.get(), here->get(), here->size) == 0;
}

/// A precondition of a test case.
inline boost::test_tools::assertion_result ipv6_loopback(boost::unit_test::test_unit_id) {
    boost::test_tools::assertion_result answer(has_ipv6_loopback());
    if (!answer) answer.message() << "this machine has no IPv6 loopback";
    return answer;
}

}  // namespace plait::testing
