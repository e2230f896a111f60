#include "checkpoint.hpp"

#include <boost/json.hpp>
#include <stdexcept>

namespace view_mirror {
namespace json = boost::json;

std::uint64_t Checkpoint::rows() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& segment : segments)
        sum += segment.rows;
    return sum;
}

std::string Checkpoint::to_json() const {
    json::object root;
    root["source"] = source;
    if (last) root["last"] = {{"key", last->key}, {"id", last->id}, {"same", last->same}};
    json::array list;
    for (const auto& segment : segments) {
        list.push_back({{"file", segment.file}, {"bytes", segment.bytes}, {"rows", segment.rows}});
    }
    root["segments"] = std::move(list);
    root["complete"] = complete;
    root["writer"] = writer;
    return json::serialize(root);
}

namespace {

std::string text_of(const json::object& object, std::string_view name) {
    return std::string(object.at(name).as_string());
}

std::uint64_t count_of(const json::object& object, std::string_view name) {
    return object.at(name).to_number<std::uint64_t>();
}

Segment segment_of(const json::object& object) {
    Segment segment{text_of(object, "file"), count_of(object, "bytes"), count_of(object, "rows")};
    if (segment.file.empty() || segment.file.find('/') != std::string::npos) {
        throw std::invalid_argument("\"file\" must be a plain file name");
    }
    return segment;
}

}  // namespace

Checkpoint Checkpoint::parse(std::string_view text) try {
    const json::value value = json::parse(json::string_view(text.data(), text.size()));
    const json::object& root = value.as_object();

    Checkpoint checkpoint;
    checkpoint.source = text_of(root, "source");
    if (const auto* last = root.if_contains("last")) {
        const json::object& position = last->as_object();
        checkpoint.last = Position{text_of(position, "key"), text_of(position, "id"), count_of(position, "same")};
    }
    for (const auto& segment : root.at("segments").as_array()) {
        checkpoint.segments.push_back(segment_of(segment.as_object()));
    }
    checkpoint.complete = root.at("complete").as_bool();
    checkpoint.writer = text_of(root, "writer");
    return checkpoint;
} catch (const std::exception& error) {
    throw std::invalid_argument(std::string("not a checkpoint: ") + error.what());
}

}  // namespace view_mirror
