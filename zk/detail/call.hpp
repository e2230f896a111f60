// Call: what a request's reply completes: a Promise of whatever type, and how to read its value. No allocation of its
// own.
#pragma once

#include <cstddef>
#include <new>
#include <string_view>
#include <utility>

#include "plait/deferred/deferred.hpp"
#include "plait/zk/detail/watch_table.hpp"
#include "plait/zk/error.hpp"
#include "plait/zk/path.hpp"
#include "plait/zk/proto/jute.hpp"

namespace plait::zk::detail {

/// A reply on its way to its caller.
struct Reply {
    proto::Reader& body;
    Code code;              ///< ok, or no_node for a call that takes it as an answer
    std::string_view path;  ///< the request's, as the server knows it
    WatchTable& watches;
    const Chroot& chroot;
};

/// A Promise<T> with `T read(Reply&)`, its type forgotten. Move-only; empty when default-made or fired.
class Call {
public:
    Call() noexcept = default;

    /// `Read` may throw DecodeError, before it changes anything.
    template <auto Read, bool NoNodeIsAnAnswer, typename T>
    static Call of(Promise<T> promise) noexcept {
        static_assert(sizeof(promise) <= room_size);
        Call call;
        ::new (static_cast<void*>(call.room_)) Promise<T>(std::move(promise));
        call.ops_ = &ops<T, Read, NoNodeIsAnAnswer>;
        return call;
    }

    Call(Call&& other) noexcept { take(other); }
    Call& operator=(Call&& other) noexcept {
        if (this != &other) {
            Call old(std::move(*this));
            take(other);
        }
        return *this;
    }
    ~Call() {
        if (ops_ != nullptr) ops_->destroy(room_);
    }

    explicit operator bool() const noexcept { return ops_ != nullptr; }

    /// Somebody still waits for the reply.
    bool wanted() const noexcept { return ops_ != nullptr && ops_->wanted(room_); }
    bool takes_no_node() const noexcept { return ops_->takes_no_node; }

    /// Reads the value and fires. Throws DecodeError if the reply is malformed; the promise is then unfired.
    void succeed(Reply& reply) { ops_->succeed(room_, reply); }
    void fail(Failure failure) { ops_->fail(room_, std::move(failure)); }

private:
    static constexpr std::size_t room_size = 2 * sizeof(void*);

    struct Ops {
        bool takes_no_node;
        bool (*wanted)(const void*) noexcept;
        void (*succeed)(void*, Reply&);
        void (*fail)(void*, Failure);
        void (*relocate)(void* from, void* to) noexcept;
        void (*destroy)(void*) noexcept;
    };

    template <typename T, auto Read, bool NoNodeIsAnAnswer>
    static constexpr Ops ops{
        NoNodeIsAnAnswer,
        [](const void* at) noexcept { return static_cast<const Promise<T>*>(at)->wanted(); },
        [](void* at, Reply& reply) { static_cast<Promise<T>*>(at)->callback(Read(reply)); },
        [](void* at, Failure failure) { static_cast<Promise<T>*>(at)->errback(std::move(failure)); },
        [](void* from, void* to) noexcept {
            ::new (to) Promise<T>(std::move(*static_cast<Promise<T>*>(from)));
            static_cast<Promise<T>*>(from)->~Promise<T>();
        },
        [](void* at) noexcept { static_cast<Promise<T>*>(at)->~Promise<T>(); },
    };

    void take(Call& other) noexcept {
        ops_ = std::exchange(other.ops_, nullptr);
        if (ops_ != nullptr) ops_->relocate(other.room_, room_);
    }

    const Ops* ops_ = nullptr;
    alignas(void*) std::byte room_[room_size];
};

}  // namespace plait::zk::detail
