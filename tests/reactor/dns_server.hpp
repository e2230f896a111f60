// A name server of a test's own, on loopback, by UDP and TCP: it answers what it was told to, and misbehaves when told.
#pragma once

#include <arpa/inet.h>

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "plait/reactor/reactor.hpp"
#include "plait/reactor/tcp.hpp"
#include "plait/reactor/udp.hpp"

namespace plait::testing {

class DnsServer {
public:
    enum class Type : int { a = 1, ptr = 12, txt = 16, aaaa = 28, srv = 33 };
    enum class Mood { answers, is_silent, truncates, talks_nonsense, answers_another, refuses, fails };

    struct Zone {
        Mood mood = Mood::answers;
        Duration delay{};
        std::vector<std::string> records{};  ///< as they stand in a reply
    };

    explicit DnsServer(Reactor& reactor) : reactor_(reactor) {
        for (int tries = 20; !listens(); --tries)
            if (tries == 0) throw std::runtime_error("no port that is free for TCP and for UDP in 20 tries");
    }

    Address address() const { return port_->address(); }

    // --- what it knows; names are in small letters

    void a(const std::string& name, const std::string& ip) { at(name, Type::a).records.push_back(binary(AF_INET, ip)); }
    void aaaa(const std::string& name, const std::string& ip) {
        at(name, Type::aaaa).records.push_back(binary(AF_INET6, ip));
    }
    void srv(const std::string& name, int priority, int weight, int port, const std::string& host) {
        at(name, Type::srv).records.push_back(two(priority) + two(weight) + two(port) + dotted(host));
    }
    void txt(const std::string& name, std::initializer_list<std::string> pieces) {
        std::string record;
        for (const std::string& piece : pieces)
            record += static_cast<char>(piece.size()) + piece;
        at(name, Type::txt).records.push_back(record);
    }
    void ptr(const std::string& name, const std::string& host) { at(name, Type::ptr).records.push_back(dotted(host)); }

    /// What it knows of records of that type; made when first asked for.
    Zone& at(const std::string& name, Type type) { return zones_[{name, static_cast<int>(type)}]; }

    /// Towards everybody, whatever is asked.
    Mood mood = Mood::answers;

    /// "host.example/28 ", a question each.
    std::string asked;
    int asked_by_tcp = 0;

private:
    struct Udp final : DatagramProtocol {
        explicit Udp(DnsServer& server) : owner(server) {}
        void datagram_received(const Bytes& data, const Address& from) override {
            owner.answer(std::string(data.view()), false,
                         [this, from](const std::string& reply) { transport().write(reply, from); });
        }
        DnsServer& owner;
    };

    struct Tcp final : Protocol {
        explicit Tcp(DnsServer& server) : owner(server) {}
        void data_received(const Bytes& data) override {
            room += data.view();
            while (room.size() >= 2) {
                const std::size_t size = number(room, 0);
                if (room.size() < 2 + size) return;
                ++owner.asked_by_tcp;
                owner.answer(room.substr(2, size), true,
                             [this](const std::string& reply) { transport().write(two(reply.size()) + reply); });
                room.erase(0, 2 + size);
            }
        }
        DnsServer& owner;
        std::string room;
    };

    using Send = std::function<void(const std::string&)>;

    static std::size_t number(const std::string& text, std::size_t at) {
        return static_cast<std::size_t>(static_cast<unsigned char>(text[at]) << 8 |
                                        static_cast<unsigned char>(text[at + 1]));
    }
    template <typename Number>
    static std::string two(Number value) {
        return {static_cast<char>(value >> 8), static_cast<char>(value & 255)};
    }
    static std::string binary(int family, const std::string& ip) {
        std::string bytes(family == AF_INET ? 4 : 16, '\0');
        if (::inet_pton(family, ip.c_str(), bytes.data()) != 1) throw std::invalid_argument(ip);
        return bytes;
    }
    static std::string dotted(const std::string& name) {
        std::string bytes;
        for (std::size_t at = 0; at < name.size();) {
            const std::size_t end = std::min(name.find('.', at), name.size());
            bytes += static_cast<char>(end - at) + name.substr(at, end - at);
            at = end + 1;
        }
        return bytes + '\0';
    }
    static std::string name_in(const std::string& query) {
        std::string name;
        for (std::size_t at = 12; query.at(at) != 0; at += static_cast<std::size_t>(query[at]) + 1)
            name += (name.empty() ? "" : ".") + query.substr(at + 1, static_cast<std::size_t>(query[at]));
        return name;
    }

    /// By UDP on the port that TCP found free: somebody else may have that.
    bool listens() {
        auto protocol = std::make_shared<Udp>(*this);
        port_ = listen_tcp(reactor_, {"127.0.0.1", 0},
                           make_factory([this](const Address&) { return std::make_shared<Tcp>(*this); }));
        try {
            udp_ = listen_udp(reactor_, port_->address(), protocol);
        } catch (const CannotListen&) {
            return false;
        }
        return true;
    }

    bool exists(const std::string& name) const {
        for (const auto& [key, zone] : zones_)
            if (key.first == name) return true;
        return false;
    }

    void answer(const std::string& query, bool by_tcp, Send send) {
        const std::string name = name_in(query);
        const std::size_t question = 12 + dotted(name).size() + 4;
        const int type = static_cast<int>(number(query, question - 4));
        asked += name + "/" + std::to_string(type) + " ";
        const auto found = zones_.find({name, type});
        const Zone zone = found == zones_.end() ? Zone() : found->second;
        const Mood mine = mood != Mood::answers ? mood : zone.mood;
        if (mine == Mood::is_silent) return;
        if (mine == Mood::talks_nonsense) return send("\x01");
        const bool cut = mine == Mood::truncates && !by_tcp;
        const int code = mine == Mood::refuses ? 5 : mine == Mood::fails ? 2 : exists(name) ? 0 : 3;
        std::string reply = mine == Mood::answers_another ? two(number(query, 0) ^ 1) : query.substr(0, 2);
        reply += static_cast<char>(cut ? 0x83 : 0x81);
        reply += static_cast<char>(0x80 | code);
        const std::size_t count = cut || code != 0 ? 0 : zone.records.size();
        reply += two(1) + two(count) + two(0) + two(0) + query.substr(12, question - 12);
        for (std::size_t i = 0; i < count; ++i)
            reply +=
                two(0xc00c) + two(type) + two(1) + two(0) + two(60) + two(zone.records[i].size()) + zone.records[i];
        if (zone.delay == Duration::zero()) return send(reply);
        later_.push_back(reactor_.call_later(zone.delay, [send = std::move(send), reply] { send(reply); }));
    }

    Reactor& reactor_;
    std::map<std::pair<std::string, int>, Zone> zones_;
    std::vector<DelayedCall> later_;
    std::unique_ptr<ListeningPort> port_;
    std::unique_ptr<UdpPort> udp_;
};

}  // namespace plait::testing
