// How many descriptors this process may open: for tests that need many, and are skipped, which is seen, where it may
// not.
#pragma once

#include <sys/resource.h>

#include <boost/test/unit_test.hpp>
#include <string>

namespace plait::testing {

/// A precondition of a test case. It raises the limit as far as the system lets it.
class MayOpen {
public:
    explicit MayOpen(rlim_t count) noexcept : count_(count) {}

    boost::test_tools::assertion_result operator()(boost::unit_test::test_unit_id) const {
        rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
        boost::test_tools::assertion_result answer(limit.rlim_max >= count_);
        if (!answer)
            answer.message() << "this machine permits " << limit.rlim_max << " open descriptors, and it takes "
                             << count_ << " (ulimit -Hn)";
        return answer;
    }

private:
    rlim_t count_;
};

}  // namespace plait::testing
