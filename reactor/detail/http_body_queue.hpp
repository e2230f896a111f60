// HttpBodyQueue: what is between a parser that delivers a body and somebody who reads it. Not public: HttpBodyReader
// is its face.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "plait/deferred/deferred.hpp"
#include "plait/reactor/bytes.hpp"

namespace plait::detail {

/// Lifetime: shared by the reader and whoever fills it.
class HttpBodyQueue : public std::enable_shared_from_this<HttpBodyQueue> {
public:
    /// Where the body comes from.
    class Flow {
    public:
        virtual void pause_body() = 0;
        virtual void resume_body() = 0;
        /// Somebody reads who did not before.
        virtual void body_wanted() {}
        /// Nobody will read any more. Called once, last; not after end() or fail().
        virtual void drop_body() = 0;

    protected:
        ~Flow() = default;
    };

    /// The flow is held until the end, a failure, or drop().
    explicit HttpBodyQueue(std::shared_ptr<Flow> flow) noexcept : flow_(std::move(flow)) {}

    // ---- who fills it
    void push(Bytes piece);
    void end();
    void fail(const Failure& reason);

    // ---- who reads
    Deferred<Bytes> read();
    void drop();

private:
    void resume();

    std::deque<Bytes> pieces_;
    std::size_t cost_ = 0;  ///< of them
    Promise<Bytes> waiting_;
    std::shared_ptr<Flow> flow_;
    std::optional<Failure> failed_;
    bool ended_ = false;
    bool paused_ = false;
};

}  // namespace plait::detail
