// Linked into every unit test: a case that leaves an unhandled failure fails.
#include "plait/deferred/testing/boost_test.hpp"

namespace {
using plait::testing::NoUnhandledFailures;
BOOST_TEST_GLOBAL_FIXTURE(NoUnhandledFailures);
}  // namespace
