// Makes Boost.Test fail every test case that leaves an unhandled failure. For users of Boost.Test, and included by no
// other header; with another framework, do the same with CaughtReports.
//
//     using plait::testing::NoUnhandledFailures;          in one file of the test program
//     BOOST_TEST_GLOBAL_FIXTURE(NoUnhandledFailures);
#pragma once

#include <boost/test/tree/traverse.hpp>
#include <boost/test/tree/visitor.hpp>
#include <boost/test/unit_test.hpp>
#include <string>

#include "plait/deferred/testing/caught_reports.hpp"

namespace plait::testing {

/// A global fixture: at the end of each case it looks for reports. A case that expects some catches them itself, with
/// CaughtReports.
class NoUnhandledFailures {
public:
    void setup() {
        struct Attach : boost::unit_test::test_tree_visitor {
            void visit(const boost::unit_test::test_case& test) override {
                namespace framework = boost::unit_test::framework;
                auto& fixtures = framework::get<boost::unit_test::test_case>(test.p_id).p_fixtures.value;
                fixtures.insert(fixtures.begin(), check);  // set up first, so torn down last
            }
            boost::unit_test::test_unit_fixture_ptr check;
        } attach;
        attach.check.reset(new Check(reports_));
        boost::unit_test::traverse_test_tree(boost::unit_test::framework::master_test_suite(), attach, true);
    }

private:
    class Check : public boost::unit_test::test_unit_fixture {
    public:
        explicit Check(CaughtReports& reports) : reports_(reports) {}
        void setup() override {}
        void teardown() override {
            for (const CaughtReports::Report& report : reports_.take())
                BOOST_ERROR("left an unhandled failure, made at " + report.line());
        }

    private:
        CaughtReports& reports_;
    };

    CaughtReports reports_;
};

}  // namespace plait::testing
