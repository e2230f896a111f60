#define BOOST_TEST_MODULE view_mirror_parts
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "checkpoint.hpp"
#include "config.hpp"
#include "journal.hpp"
#include "packages.hpp"
#include "plait/tests/support/temporary_directory.hpp"

using namespace view_mirror;

namespace {

std::vector<std::string> rows_of(const std::filesystem::path& directory, const Segment& segment, std::uint64_t from) {
    std::vector<std::string> rows;
    JournalReader reader(directory, segment, from);
    for (std::string row; reader.next(row);)
        rows.push_back(row);
    return rows;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_checkpoint_is_read_as_it_was_written) {
    Checkpoint checkpoint;
    checkpoint.source = "d/v?";
    checkpoint.last = Position{"[\"k\xc3\xb6y\",1]", "id \"quoted\"", 2};
    checkpoint.segments = {{"a.rows", 10, 2}, {"b.rows", 0, 0}};
    checkpoint.complete = true;
    checkpoint.writer = "me in term 1";
    BOOST_TEST((Checkpoint::parse(checkpoint.to_json()) == checkpoint));
    BOOST_TEST(checkpoint.rows() == 2u);
    BOOST_TEST((Checkpoint::parse(Checkpoint{}.to_json()) == Checkpoint{}));
}

BOOST_AUTO_TEST_CASE(a_checkpoint_that_is_none_is_refused) {
    for (const char* text : {"", "[]", "{}", R"({"source":"","segments":[{"file":"../x","bytes":1,"rows":1}]})"}) {
        BOOST_CHECK_THROW(Checkpoint::parse(text), std::invalid_argument);
    }
}

BOOST_AUTO_TEST_CASE(a_configuration_has_defaults_and_says_what_it_lacks) {
    const auto config = Config::parse(R"({"url": "http://h/db", "design": "d", "view": "v"})");
    BOOST_TEST(config.batch == 500u);
    BOOST_TEST(config.dialect == "couchdb");
    BOOST_TEST(config.source() == "d/v?");
    for (const char* text : {"", "1", "{}", R"({"url": "http://h/db", "design": "d", "view": ""})",
                             R"({"url": "http://h/db", "design": "d", "view": "v", "bach": 1})",
                             R"({"url": "http://h/db", "design": "d", "view": "v", "dialect": "mongo"})"}) {
        BOOST_CHECK_THROW(Config::parse(text), std::invalid_argument);
    }
}

BOOST_AUTO_TEST_CASE(what_no_checkpoint_counts_is_not_read) {
    const plait::support::TemporaryDirectory directory("journal");
    JournalWriter writer(directory.path(), "0000000001");
    writer.add("{\"id\":\"a\"}");
    writer.add("{\n\"id\":\"b\"}");
    writer.flush();
    const Segment counted = writer.segment();
    writer.add("{\"id\":\"late\"}");
    writer.flush();

    BOOST_TEST(
        (rows_of(directory.path(), counted, 0) == std::vector<std::string>{"{\"id\":\"a\"}", "{ \"id\":\"b\"}"}));
    BOOST_TEST((rows_of(directory.path(), counted, 11) == std::vector<std::string>{"{ \"id\":\"b\"}"}));
    BOOST_TEST(writer.segment().rows == 3u);
}

BOOST_AUTO_TEST_CASE(each_leadership_has_a_file_of_its_own) {
    const plait::support::TemporaryDirectory directory("journal");
    const JournalWriter first(directory.path(), "1");
    const JournalWriter second(directory.path(), "1");
    BOOST_TEST(first.segment().file == "1.rows");
    BOOST_TEST(second.segment().file == "1-1.rows");
}

BOOST_AUTO_TEST_CASE(a_journal_shorter_than_its_checkpoint_is_an_error) {
    const plait::support::TemporaryDirectory directory("journal");
    BOOST_CHECK_THROW(rows_of(directory.path(), {"missing.rows", 5, 1}, 0), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(packages_are_read_once_each_with_their_fields) {
    std::istringstream index(
        "Package: a\nVersion: 1:2\nArchitecture: all\nSize: 7\nMaintainer: J\xc3\xb6rg\nDescription: x\n more\n\n"
        "Package: a\nVersion: 1:2\nArchitecture: all\n\nTag: no package\n\nPackage: b\n");
    const auto packages = view_server::read_packages(index);
    BOOST_REQUIRE(packages.size() == 2u);
    BOOST_TEST(packages[0].id == "a_1:2_all");
    BOOST_TEST(packages[0].key == "\"a\"");
    BOOST_TEST(packages[0].value == "{\"version\":\"1:2\",\"size\":7,\"section\":\"\",\"maintainer\":\"J\xc3\xb6rg\"}");
    BOOST_TEST(packages[1].id == "b__");
}
