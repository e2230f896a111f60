// ViewAnswer: the wire bytes of one HTTP answer of the view server, made as they are wanted, with its misbehaviour.
// No I/O and no timers: it says what it wants to happen next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <variant>

#include "plait/couch_async/detail/view_body.hpp"
#include "plait/couch_async/testing/misbehaviour.hpp"
#include "plait/reactor/protocols/http_message.hpp"

namespace plait::couch_async::detail {

class ViewAnswer {
public:
    /// What to do after the bytes that were produced.
    enum class Next : std::uint8_t {
        more,        ///< ask again
        keep_alive,  ///< the answer is complete; another request may follow
        close,       ///< close in good order
        reset,       ///< throw the connection away
        stall,       ///< wait for `go_on()`
    };

    /// Units: `natural_chunk` is how many bytes of whole rows go into a chunk when nothing else is asked for.
    ViewAnswer(HttpResponseHead head, std::variant<std::string, ViewBody> body, testing::Misbehaviour misbehaviour,
               std::size_t natural_chunk);

    /// Appends `want` bytes, or a little more, or fewer if there are no more for now.
    Next produce(std::string& out, std::size_t want);

    /// Ends a stall: what is left follows.
    void go_on();

    const testing::Misbehaviour& misbehaviour() const noexcept { return misbehaviour_; }
    std::uint64_t rows_written() const noexcept;

private:
    void write_head(HttpResponseHead head);
    Next produce_freely(std::string& out, std::size_t want);
    Next hold_back(std::string& out, std::size_t excess, Next next);
    void fill(std::size_t bytes);
    std::size_t chunk_size();
    void append_chunk(std::string& out, std::size_t size);
    Next break_off(std::string& out);
    Next end_of_body(std::string& out);
    Next finish(std::string& out);

    std::variant<std::string, ViewBody> body_;
    testing::Misbehaviour misbehaviour_;
    std::size_t natural_chunk_;
    std::minstd_rand random_;
    bool chunked_ = false;
    bool keep_alive_ = true;

    std::string head_;
    std::string staged_;  // of the body, not framed yet; the first `taken_` bytes are gone
    std::size_t taken_ = 0;
    std::uint64_t body_sent_ = 0;
    std::uint64_t wire_sent_ = 0;

    // Behind the place where the answer stalls.
    std::string chunk_rest_;
    std::string held_;
    std::optional<Next> after_held_;
};

}  // namespace plait::couch_async::detail
