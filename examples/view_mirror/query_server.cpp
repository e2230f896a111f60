#include "query_server.hpp"

#include <string_view>

#include "plait/reactor/protocols/line_receiver.hpp"
#include "store.hpp"

namespace view_mirror {
namespace {

class QueryProtocol : public plait::LineReceiver {
public:
    explicit QueryProtocol(std::shared_ptr<Answers> answers) : answers_(std::move(answers)) {}

    void line_received(plait::Bytes line) override {
        const std::string_view text = line;
        const auto space = text.find(' ');
        const auto command = text.substr(0, space);
        const auto argument = space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
        if (command == "count") {
            send_line(std::to_string(answers_->store().rows()));
        } else if (command == "get" && !argument.empty()) {
            send_rows(std::string(argument));
        } else if (command == "status") {
            send_line(answers_->status());
        } else if (command == "quit") {
            transport().lose_connection();
        } else {
            send_line("error: say count, get <docid>, status or quit");
        }
        wait_for_a_slow_reader();
    }

private:
    /// Who asks without reading the answers is not asked for more: what waits for it here stays bounded.
    void wait_for_a_slow_reader() {
        if (transport().write_buffered() < plait::Transport::default_high_water) return;
        pause_producing();
        drained_ = transport().drained().add_both([this](plait::Result<> room) {
            if (room.has_value()) resume_producing();
        });
    }

    void send_rows(const std::string& id) {
        if (const auto* rows = answers_->store().find(id)) {
            for (const auto& row : *rows)
                send_line(row);
        }
        send_line(".");
    }

    std::shared_ptr<Answers> answers_;
    plait::Deferred<> drained_;
};

}  // namespace

std::shared_ptr<plait::Factory> make_query_factory(Answers answers) {
    auto shared = std::make_shared<Answers>(std::move(answers));
    return plait::make_factory([shared](const plait::Address&) { return std::make_shared<QueryProtocol>(shared); });
}

}  // namespace view_mirror
