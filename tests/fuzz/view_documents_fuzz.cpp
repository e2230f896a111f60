// A query in the first line, a body in the second, then rows: an id, a key and a value, separated by tabs.
#include "plait/couch_async/detail/served_query.hpp"
#include "plait/couch_async/testing/view_documents.hpp"
#include "plait/tests/fuzz/fuzz.hpp"

namespace plait::fuzz {

namespace {

using couch_async::Dialect;
using couch_async::testing::ViewDocuments;

std::string_view take_field(std::string_view& line) {
    const auto end = line.find('\t');
    const auto field = line.substr(0, end);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    return field;
}

void add_row(ViewDocuments& documents, std::string_view line) {
    const auto id = take_field(line);
    const auto key = take_field(line);
    try {
        documents.add(id, key, line);
    } catch (const std::invalid_argument&) {  // a key that is not JSON
    }
}

void select(const ViewDocuments& documents, std::string_view query, std::string_view body, Dialect dialect) {
    namespace served = couch_async::detail;
    try {
        const auto selection = served::select(documents, served::ServedQuery::parse(query, body, dialect));
        for (const auto& range : selection.ranges)
            expect(range.begin <= range.end && range.end <= documents.size(), "a range lies within the rows");
    } catch (const served::RefusedRequest&) {
    }
}

}  // namespace

void one_input(std::string_view input) {
    const auto query = take_line(input);
    const auto body = take_line(input);
    ViewDocuments documents;
    while (!input.empty())
        add_row(documents, take_line(input));
    documents.sort();
    for (std::size_t i = 1; i < documents.size(); ++i)
        expect(ViewDocuments::sort_key(documents.row(i - 1).key) <= ViewDocuments::sort_key(documents.row(i).key),
               "rows are in the order of their keys");
    for (const auto dialect : {Dialect::couchdb, Dialect::couchbase})
        select(documents, query, body, dialect);
}

}  // namespace plait::fuzz
