// Test helper: reads the cases of tests/reactor/corpus/http.
#pragma once

#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace plait::testing {

struct HttpCase {
    std::string name;
    std::string verdict;  ///< its first word
    std::string part;     ///< the rest of it
    std::string bytes;
};

namespace detail {

inline char escaped(std::string_view& text) {
    const char kind = text.at(1);
    text.remove_prefix(2);
    switch (kind) {
        case 'r':
            return '\r';
        case 'n':
            return '\n';
        case 't':
            return '\t';
        case '0':
            return '\0';
        case '\\':
            return '\\';
        case 'x': {
            const auto value = std::stoi(std::string(text.substr(0, 2)), nullptr, 16);
            text.remove_prefix(2);
            return static_cast<char>(value);
        }
        default:
            throw std::runtime_error(std::string("no such escape: ") + kind);
    }
}

inline std::string unescaped(std::string_view text) {
    std::string bytes;
    while (!text.empty()) {
        if (text.front() == '\\') {
            bytes += escaped(text);
        } else if (text.front() == '{') {
            const auto star = text.find('*');
            const auto end = text.find('}');
            if (end == std::string_view::npos)
                throw std::runtime_error("a repetition is not closed, or within another");
            const auto times = std::stoi(std::string(text.substr(1, star - 1)));
            const auto what = unescaped(text.substr(star + 1, end - star - 1));
            for (int i = 0; i < times; ++i)
                bytes += what;
            text.remove_prefix(end + 1);
        } else {
            bytes += text.front();
            text.remove_prefix(1);
        }
    }
    return bytes;
}

}  // namespace detail

inline std::vector<HttpCase> http_cases(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error("cannot read " + path);
    std::vector<HttpCase> cases;
    bool inside = false;
    for (std::string line; std::getline(file, line);) {
        if (line.empty()) {
            inside = false;
        } else if (inside) {
            cases.back().bytes += detail::unescaped(line);
        } else if (line.front() != '#') {
            const auto colon = line.find(": ");
            const auto verdict = line.substr(colon + 2);
            const auto blank = std::min(verdict.find(' '), verdict.size());
            cases.push_back({line.substr(0, colon), verdict.substr(0, blank),
                             blank == verdict.size() ? "" : verdict.substr(blank + 1), ""});
            inside = true;
        }
    }
    return cases;
}

}  // namespace plait::testing
