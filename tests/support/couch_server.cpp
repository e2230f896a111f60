#include "plait/tests/support/couch_server.hpp"

#include <charconv>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "plait/tests/support/loopback.hpp"

namespace plait::support {

namespace {

using std::chrono::seconds;

ServerPlan couch_plan(const std::filesystem::path& directory, std::uint16_t port) {
    const std::filesystem::path installed(PLAIT_COUCH_SERVER_DIR);
    if (!std::filesystem::exists(installed / "installed")) {
        throw std::runtime_error("express-pouchdb is not in " + installed.string() +
                                 ": run tools/test, or tests/support/couch/install " + installed.string());
    }
    return {.name = "express-pouchdb",
            .packages = "the packages nodejs and npm",
            .command = {.arguments = {"node", (installed / "server.js").string(), std::to_string(port), directory},
                        .log = directory / "server.log",
                        .environment = {}},
            .answers = [port] {
                const auto answer = exchange(port, "GET / HTTP/1.0\r\n\r\n", seconds(2));
                return answer && answer->starts_with("HTTP/1.1 200");
            }};
}

/// HTTP/1.0 keeps this short: the answer ends where the connection does.
std::string http_request(const std::string& method, const std::string& path, const std::string& body) {
    return method + " " + path + " HTTP/1.0\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n" +
           "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::optional<CouchServer::Answer> parse(std::string_view text) {
    const auto head_end = text.find("\r\n\r\n");
    const auto space = text.find(' ');
    if (head_end == std::string_view::npos || space > head_end) return std::nullopt;
    int status = 0;
    const auto digits = text.substr(space + 1, 3);
    std::from_chars(digits.data(), digits.data() + digits.size(), status);
    return CouchServer::Answer{status, std::string(text.substr(head_end + 4))};
}

}  // namespace

CouchServer::CouchServer() : port_(free_port()), process_(couch_plan(directory_.path(), port_)) {
    process_.start();
}

CouchServer::Answer CouchServer::request(const std::string& method, const std::string& path,
                                         const std::string& body) const {
    const auto text = exchange(port_, http_request(method, path, body), seconds(60));
    auto answer = parse(text.value_or(""));
    if (!answer) throw std::runtime_error("express-pouchdb did not answer " + method + " " + path);
    return std::move(*answer);
}

void CouchServer::create_database(const std::string& name) const {
    put("/" + name, "");
}

void CouchServer::put(const std::string& path, const std::string& json) const {
    const auto answer = request("PUT", path, json);
    if (answer.status / 100 != 2) {
        throw std::runtime_error("express-pouchdb answered " + std::to_string(answer.status) + " to PUT " + path +
                                 ": " + answer.body);
    }
}

void CouchServer::load(const std::string& database, const std::vector<std::string>& documents) const {
    std::string body = R"({"docs":[)";
    for (const auto& document : documents)
        body += (&document == &documents.front() ? "" : ",") + document;
    const auto answer = request("POST", "/" + database + "/_bulk_docs", body + "]}");
    // A document that was refused is reported in a body with status 201.
    if (answer.status / 100 != 2 || answer.body.find(R"("error")") != std::string::npos) {
        throw std::runtime_error("express-pouchdb answered " + std::to_string(answer.status) +
                                 " to _bulk_docs: " + answer.body.substr(0, 1000));
    }
}

}  // namespace plait::support
