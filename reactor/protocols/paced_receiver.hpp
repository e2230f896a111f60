// PacedReceiver: what the receivers of lines, netstrings and counted strings have in common: one callback at a time,
// and a pause between any two. Not a format: what one thing is, the derived class says.
#pragma once

#include "plait/reactor/bytes.hpp"
#include "plait/reactor/protocol.hpp"

namespace plait {

/// Keeps what arrives and hands it on a step at a time. A callback may change how the rest is read, pause, close, or
/// destroy this: nothing is called from inside another callback, and nothing once the connection is closing.
///
/// To derive a format of your own, implement the three protected members; receive_queue.hpp, beside this, keeps bytes.
///
/// Lifetime: as Protocol. The destructor calls nothing.
class PacedReceiver : public Protocol {
public:
    ~PacedReceiver() override;

    /// Holds back the very next thing, and stops reading.
    void pause_producing();

    /// Reads on. What was held back is delivered before this returns; from within a callback, after that callback.
    /// What a callback throws here aborts the connection, and is the reason that connection_lost() gets.
    void resume_producing();

    bool paused() const noexcept { return paused_; }

    void data_received(const Bytes& data) final;

protected:
    /// Adds `data` to what is kept. Called in the middle of a callback, too.
    virtual void keep(const Bytes& data) = 0;

    /// Takes the next thing off what is kept and makes its callback. False, after no callback: a whole one is not here.
    /// It must not touch this object after the callback, which may have destroyed it.
    virtual bool deliver_next() = 0;

    /// Forgets what is kept: a callback has thrown, or the connection is closing.
    virtual void drop_kept() noexcept = 0;

    /// As resume_producing() without the resuming: for a derived class whose way of reading changed.
    void deliver_kept();

private:
    void deliver(bool& destroyed);
    bool deliver_one(bool& destroyed);

    bool paused_ = false;
    bool* destroyed_ = nullptr;  // set while delivering
};

}  // namespace plait
