// Reports: the kit's net for unhandled failures, under the name these tests use.
#pragma once

#include "plait/deferred/testing/caught_reports.hpp"

namespace plait::testing {
using Reports = CaughtReports;
}  // namespace plait::testing
