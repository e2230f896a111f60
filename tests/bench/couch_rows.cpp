// couch.rows: an 80 MB view body into rows with id, key and value slices. Ours gets it in chunks of 64 KiB, as from a
// socket; simdjson's on-demand front end has the whole padded document. Prints one line of JSON.
#include <simdjson.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "plait/couch_async/view/row_splitter.hpp"

namespace {

using plait::Bytes;
using plait::couch_async::Rows;
using plait::couch_async::RowSplitter;
using plait::couch_async::Split;
using plait::couch_async::ViewRow;

constexpr std::size_t body_bytes = 80'000'000;
constexpr std::size_t chunk_bytes = 64 * 1024;
constexpr int repetitions = 15;

/// Rows as CouchDB sends them: about 100 bytes, keys that sort, a small object as the value.
std::string make_body() {
    std::string body = "{\"total_rows\":800000,\"offset\":0,\"rows\":[\r\n";
    char row[256];
    for (unsigned i = 0; body.size() < body_bytes; ++i) {
        if (i != 0) body += ",\r\n";
        const unsigned mixed = i * 2654435761u;
        const int size =
            std::snprintf(row, sizeof row,
                          "{\"id\":\"package-%06u\",\"key\":[\"section-%u\",%u],\"value\":{\"version\":\"%u.%u-%u\","
                          "\"size\":%u}}",
                          i, mixed % 59, i, mixed % 10, mixed % 100, mixed % 7, mixed % 10'000'000);
        body.append(row, static_cast<std::size_t>(size));
    }
    return body + "\r\n]}\n";
}

/// What both must find. The sizes of all slices, so that neither can leave one out.
struct Found {
    std::uint64_t rows = 0;
    std::uint64_t ids = 0;
    std::uint64_t keys = 0;
    std::uint64_t values = 0;

    bool operator==(const Found&) const = default;
};

Found split_with_plait(const std::vector<Bytes>& chunks) {
    Found found;
    RowSplitter splitter;
    Rows rows;
    Split stopped = Split::hungry;
    const auto take_all = [&] {
        do {
            rows.clear();
            stopped = splitter.take(rows);
            for (const ViewRow& row : rows) {
                ++found.rows;
                found.ids += row.id_json().size();
                found.keys += row.key().size();
                found.values += row.value().size();
            }
        } while (stopped == Split::more);
    };
    for (const Bytes& chunk : chunks) {
        splitter.feed(chunk);
        take_all();
    }
    splitter.finish();
    take_all();
    if (stopped != Split::done) std::abort();
    return found;
}

Found split_with_simdjson(simdjson::ondemand::parser& parser, const simdjson::padded_string& body) {
    Found found;
    simdjson::ondemand::document document = parser.iterate(body);
    for (simdjson::ondemand::object row : document["rows"].get_array()) {
        ++found.rows;
        std::string_view id = row.find_field("id").raw_json_token();
        found.ids += id.size();
        simdjson::ondemand::array key = row.find_field("key");
        std::string_view key_text = key.raw_json();
        found.keys += key_text.size();
        simdjson::ondemand::object value = row.find_field("value");
        std::string_view value_text = value.raw_json();
        found.values += value_text.size();
    }
    return found;
}

template <class Run>
double megabytes_per_second(std::size_t bytes, Found& found, Run run) {
    const auto begin = std::chrono::steady_clock::now();
    found = run();
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
    return static_cast<double>(bytes) / 1e6 / spent.count();
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

void report_spread(const char* name, std::vector<double> values) {
    std::sort(values.begin(), values.end());
    std::fprintf(stderr, "%-10s min %.0f median %.0f max %.0f MB/s\n", name, values.front(), median(values),
                 values.back());
}

}  // namespace

int main() {
    const Bytes body = Bytes::own(make_body());
    const simdjson::padded_string padded(body.view());
    std::vector<Bytes> chunks;
    for (std::size_t at = 0; at < body.size(); at += chunk_bytes)
        chunks.push_back(body.slice(at, chunk_bytes));

    simdjson::ondemand::parser parser;
    std::vector<double> ours, peers;
    for (int i = 0; i <= repetitions; ++i) {
        Found plait, simd;
        const double plait_speed = megabytes_per_second(body.size(), plait, [&] { return split_with_plait(chunks); });
        const double simd_speed =
            megabytes_per_second(body.size(), simd, [&] { return split_with_simdjson(parser, padded); });
        if (!(plait == simd)) {
            std::fprintf(stderr, "couch.rows: the two found different rows: %llu and %llu rows\n",
                         static_cast<unsigned long long>(plait.rows), static_cast<unsigned long long>(simd.rows));
            return 1;
        }
        if (i == 0) continue;  // memory and parser get their room in the first one
        ours.push_back(plait_speed);
        peers.push_back(simd_speed);
    }
    report_spread("plait", ours);
    report_spread("simdjson", peers);
    std::printf(
        "{\"case\":\"couch.rows\",\"unit\":\"MB/s\",\"ours\":%.0f,\"peer\":%.0f,"
        "\"peer_name\":\"simdjson on-demand 3.0\",\"goal\":1.0}\n",
        median(ours), median(peers));
}
