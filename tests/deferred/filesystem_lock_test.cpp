// DeferredFilesystemLock: between objects, between processes, and on the manual clock. Twisted's cases keep their
// names.
#define BOOST_TEST_MODULE deferred_filesystem_lock
#include "plait/deferred/filesystem_lock.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "plait/deferred/testing/manual_clock.hpp"
#include "plait/tests/support/temporary_directory.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

namespace {

struct World {
    support::TemporaryDirectory directory{"lock"};
    std::string path = directory.path() / "app.lock";
    ManualClock clock;
    DeferredFilesystemLock lock{path, clock};

    DelayedCall unlock_after(Duration delay) {
        return clock.call_later(delay, [this] { lock.unlock(); });
    }
};

/// A process that runs `body()` and then lives on, idle, until it is let go or killed, or this process ends.
class Child {
public:
    template <typename Body>
    explicit Child(Body body) {
        int done[2];
        int stop[2];
        BOOST_REQUIRE(::pipe(done) == 0);
        BOOST_REQUIRE(::pipe(stop) == 0);
        pid_ = ::fork();
        BOOST_REQUIRE(pid_ >= 0);
        if (pid_ == 0) {
            ::close(stop[1]);
            char answer = body() ? 'y' : 'n';
            if (::write(done[1], &answer, 1) != 1 || ::read(stop[0], &answer, 1) != 1) ::_exit(1);
            ::_exit(0);
        }
        ::close(done[1]);
        ::close(stop[0]);
        stop_ = stop[1];
        BOOST_TEST(::read(done[0], &answer_, 1) == 1);
        ::close(done[0]);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() { kill(); }

    /// What its body() returned.
    bool answer() const { return answer_ == 'y'; }

    /// As if it had crashed. It is gone when this returns.
    void kill() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        end();
    }
    /// It ends by itself, without running destructors.
    void let_go() {
        BOOST_TEST(::write(stop_, "", 1) == 1);
        end();
    }

private:
    void end() {
        ::waitpid(std::exchange(pid_, 0), nullptr, 0);
        ::close(stop_);
    }

    pid_t pid_ = 0;
    int stop_ = -1;
    char answer_ = '?';
};

/// Locks in a child, which is left holding it.
auto locking(World& world) {
    return [&world] {
        auto* mine = new DeferredFilesystemLock(world.path, world.clock);  // ends with the process, not before
        return mine->try_lock();
    };
}

/// Where permissions count: for root they do not.
class AsNobody {
public:
    AsNobody() { BOOST_REQUIRE(::geteuid() != 0 || ::seteuid(65534) == 0); }
    AsNobody(const AsNobody&) = delete;
    AsNobody& operator=(const AsNobody&) = delete;
    ~AsNobody() {
        if (::seteuid(::getuid()) != 0) BOOST_ERROR("cannot go back");
    }
};

std::error_code code_of(const Result<>& result) {
    BOOST_REQUIRE(!result.has_value());
    const auto* error = result.failure().check<FilesystemLockError>();
    BOOST_REQUIRE(error != nullptr);
    return error->code();
}

}  // namespace

// Twisted's cases ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(wait_until_locked_with_no_lock) {
    World world;
    auto locked = world.lock.defer_until_locked(1s);
    BOOST_TEST(locked.take().has_value());
    BOOST_TEST(world.lock.locked());
    BOOST_TEST(world.clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(wait_until_locked_with_timeout_locked) {
    World world;
    BOOST_TEST(world.lock.try_lock());
    auto locked = world.lock.defer_until_locked(5500ms);
    world.clock.pump({1s, 1s, 1s, 1s, 1s});
    BOOST_TEST(!locked.ready());
    world.clock.pump({1s});
    const Result<> result = locked.take();
    BOOST_TEST(result.failure().check<TimeoutError>()->what() ==
               std::string("Locking " + world.path + " took longer than 5.5 s"));
    BOOST_TEST(world.clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(wait_until_locked_with_timeout_unlocked) {
    World world;
    BOOST_TEST(world.lock.try_lock());
    auto unlock = world.unlock_after(1500ms);
    auto locked = world.lock.defer_until_locked(10s);
    world.clock.advance(1999ms);
    BOOST_TEST(!locked.ready());
    world.clock.advance(1ms);
    BOOST_TEST(locked.take().has_value());
    BOOST_TEST(world.lock.locked());
    BOOST_TEST(world.clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(default_scheduler) {
    // There is no global reactor here: the clock is the one it was given, at one try a second.
    World world;
    DeferredFilesystemLock other(world.path, world.clock);
    BOOST_TEST(world.lock.try_lock());
    auto locked = other.defer_until_locked();
    BOOST_TEST(world.clock.pending_calls() == 1u);
    world.lock.unlock();
    world.clock.advance(1s);
    BOOST_TEST(locked.ready());
}

BOOST_AUTO_TEST_CASE(concurrent_usage) {
    World world;
    BOOST_TEST(world.lock.try_lock());
    auto unlock = world.unlock_after(1s);
    auto first = world.lock.defer_until_locked();
    auto second = world.lock.defer_until_locked();
    const Result<> refused = second.take();
    BOOST_TEST(refused.failure().check<AlreadyTryingToLock>() != nullptr);
    BOOST_TEST(!first.ready());
    world.clock.advance(2s);
    BOOST_TEST(first.take().has_value());
    // And when the first has ended, another may be begun.
    auto third = world.lock.defer_until_locked();
    BOOST_TEST(!third.ready());
    world.lock.unlock();
    world.clock.advance(1s);
    BOOST_TEST(third.take().has_value());
}

BOOST_AUTO_TEST_CASE(multiple_usages) {
    World world;
    BOOST_TEST(world.lock.try_lock());
    auto unlock = world.unlock_after(1s);
    DelayedCall again;
    auto both = world.lock.defer_until_locked().add_callback([&] {
        BOOST_TEST(world.lock.locked());
        again = world.unlock_after(1s);
        return world.lock.defer_until_locked();
    });
    world.clock.advance(1s);
    BOOST_TEST(!both.ready());
    world.clock.advance(1s);
    BOOST_TEST(both.take().has_value());
    BOOST_TEST(world.lock.locked());
}

BOOST_AUTO_TEST_CASE(cancel_defer_until_locked) {
    World world;
    BOOST_TEST(world.lock.try_lock());
    auto locked = world.lock.defer_until_locked();
    BOOST_TEST(world.clock.pending_calls() == 1u);
    locked.cancel();
    BOOST_TEST(world.clock.pending_calls() == 0u);
    BOOST_CHECK_THROW(locked.take().value(), Cancelled);
}

BOOST_AUTO_TEST_CASE(cancel_defer_until_locked_with_timeout) {
    World world;
    BOOST_TEST(world.lock.try_lock());
    auto locked = world.lock.defer_until_locked(1s);
    BOOST_TEST(world.clock.pending_calls() == 2u);
    locked.cancel();
    BOOST_TEST(world.clock.pending_calls() == 0u);
    BOOST_CHECK_THROW(locked.take().value(), Cancelled);
    auto next = world.lock.defer_until_locked(1s);
    BOOST_TEST(!next.ready());
}

// Ours: one process --------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(two_objects_of_one_process_lock_each_other_out) {
    World world;
    DeferredFilesystemLock other(world.path, world.clock);
    BOOST_TEST(world.lock.try_lock());
    BOOST_TEST(!world.lock.try_lock());
    BOOST_TEST(!other.try_lock());
    BOOST_TEST(!other.locked());
    world.lock.unlock();
    BOOST_TEST(other.try_lock());
    BOOST_TEST(other.locked());
    BOOST_TEST(std::filesystem::exists(world.path));
}

BOOST_AUTO_TEST_CASE(the_last_try_at_the_time_limit_may_succeed) {
    World world;
    DeferredFilesystemLock other(world.path, world.clock);
    BOOST_TEST(world.lock.try_lock());
    auto locked = other.defer_until_locked(1500ms);
    world.clock.advance(1400ms);
    world.lock.unlock();
    BOOST_TEST(!locked.ready());
    world.clock.advance(100ms);
    BOOST_TEST(locked.take().has_value());
    BOOST_TEST(world.clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(the_time_between_tries_can_be_chosen_and_is_more_than_zero) {
    World world;
    DeferredFilesystemLock other(world.path, world.clock, 10ms);
    BOOST_TEST(world.lock.try_lock());
    auto locked = other.defer_until_locked();
    world.lock.unlock();
    world.clock.advance(10ms);
    BOOST_TEST(locked.ready());
    BOOST_CHECK_THROW(DeferredFilesystemLock(world.path, world.clock, 0s), UsageError);
    BOOST_CHECK_THROW(DeferredFilesystemLock(world.path, world.clock, -1s), UsageError);
}

BOOST_AUTO_TEST_CASE(a_limit_of_zero_or_less_ends_the_wait_on_the_next_turn) {
    World world;
    BOOST_TEST(world.lock.try_lock());
    auto locked = world.lock.defer_until_locked(-1s);
    BOOST_TEST(!locked.ready());
    world.clock.advance(0s);
    BOOST_CHECK_THROW(locked.take().value(), TimeoutError);
}

BOOST_AUTO_TEST_CASE(a_dropped_wait_leaves_no_timer_and_locks_nothing) {
    World world;
    DeferredFilesystemLock other(world.path, world.clock);
    BOOST_TEST(world.lock.try_lock());
    {
        const auto dropped = other.defer_until_locked(5s);
    }
    BOOST_TEST(world.clock.pending_calls() == 0u);
    world.lock.unlock();
    world.clock.advance(10s);
    BOOST_TEST(!other.locked());
}

BOOST_AUTO_TEST_CASE(unlocking_what_is_not_held_is_a_mistake) {
    World world;
    BOOST_CHECK_THROW(world.lock.unlock(), InvalidState);
    BOOST_TEST(world.lock.try_lock());
    world.lock.unlock();
    BOOST_CHECK_THROW(world.lock.unlock(), InvalidState);
}

BOOST_AUTO_TEST_CASE(destroying_it_unlocks_and_fails_its_wait) {
    World world;
    std::optional<DeferredFilesystemLock> other(std::in_place, world.path, world.clock);
    BOOST_TEST(other->try_lock());
    auto waiting = other->defer_until_locked(5s);
    other.reset();
    BOOST_CHECK_THROW(waiting.take().value(), Destroyed);
    BOOST_TEST(world.clock.pending_calls() == 0u);
    BOOST_TEST(world.lock.try_lock());
}

BOOST_AUTO_TEST_CASE(it_may_be_destroyed_from_each_of_its_callbacks) {
    World world;
    std::optional<DeferredFilesystemLock> other;
    const auto wait = [&](Duration limit) {
        other.emplace(world.path, world.clock);
        return other->defer_until_locked(limit).add_both([&](const Result<>&) { other.reset(); });
    };
    auto at_once = wait(5s);
    BOOST_TEST(at_once.ready());
    BOOST_TEST(world.lock.try_lock());
    auto timed_out = wait(500ms);
    world.clock.advance(1s);
    BOOST_TEST(timed_out.ready());
    auto later = wait(5s);
    world.lock.unlock();
    world.clock.advance(1s);
    BOOST_TEST(later.ready());
    BOOST_TEST(!other.has_value());
    BOOST_TEST(world.lock.try_lock());
    auto gone = wait(5s);
    std::filesystem::remove_all(world.directory.path());
    world.clock.advance(1s);
    BOOST_TEST(gone.ready());
    BOOST_TEST(world.clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(a_folder_that_is_missing_is_an_error_with_path_and_cause) {
    World world;
    DeferredFilesystemLock other(world.path + ".d/app.lock", world.clock);
    BOOST_CHECK_EXCEPTION(other.try_lock(), FilesystemLockError, [&](const FilesystemLockError& error) {
        return error.path() == other.path() && error.code() == std::errc::no_such_file_or_directory &&
               std::string(error.what()).find("Cannot lock " + other.path() + ": No such file") == 0;
    });
    auto waiting = other.defer_until_locked(5s);
    BOOST_TEST((code_of(waiting.take()) == std::errc::no_such_file_or_directory));
    BOOST_TEST(world.clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(a_folder_that_goes_during_a_wait_ends_it) {
    World world;
    DeferredFilesystemLock other(world.path, world.clock);
    BOOST_TEST(world.lock.try_lock());
    auto waiting = other.defer_until_locked(5s);
    std::filesystem::remove_all(world.directory.path());
    world.clock.advance(1s);
    BOOST_TEST((code_of(waiting.take()) == std::errc::no_such_file_or_directory));
    BOOST_TEST(world.clock.pending_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(a_file_that_may_not_be_made_is_an_error) {
    World world;
    std::filesystem::permissions(world.directory.path(), std::filesystem::perms::owner_read);
    {
        const AsNobody nobody;
        auto waiting = world.lock.defer_until_locked();
        BOOST_TEST((code_of(waiting.take()) == std::errc::permission_denied));
    }
    std::filesystem::permissions(world.directory.path(), std::filesystem::perms::owner_all);
    DeferredFilesystemLock folder(world.directory.path(), world.clock);
    auto waiting = folder.defer_until_locked();
    BOOST_TEST((code_of(waiting.take()) == std::errc::is_a_directory));
}

BOOST_AUTO_TEST_CASE(what_is_in_the_file_stays_there) {
    World world;
    support::write_file(world.path, "somebody's");
    BOOST_TEST(world.lock.try_lock());
    world.lock.unlock();
    BOOST_TEST(support::read_file(world.path) == "somebody's");
}

// Ours: several processes --------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(another_process_that_holds_it_is_waited_for) {
    World world;
    Child other(locking(world));
    BOOST_TEST(other.answer());
    BOOST_TEST(!world.lock.try_lock());
    auto locked = world.lock.defer_until_locked(10s);
    world.clock.advance(3s);
    BOOST_TEST(!locked.ready());
    other.let_go();
    world.clock.advance(1s);
    BOOST_TEST(locked.take().has_value());
    Child third(locking(world));
    BOOST_TEST(!third.answer());
}

BOOST_AUTO_TEST_CASE(a_process_that_is_killed_leaves_nothing_locked) {
    World world;
    Child other(locking(world));
    BOOST_TEST(other.answer());
    BOOST_TEST(!world.lock.try_lock());
    other.kill();
    BOOST_TEST(world.lock.try_lock());
}

BOOST_AUTO_TEST_CASE(a_forked_child_neither_unlocks_nor_keeps_it) {
    World world;
    std::optional<DeferredFilesystemLock> shared(std::in_place, world.path, world.clock);
    BOOST_TEST(shared->try_lock());
    Child tidy([&] {
        shared.reset();  // its copy
        return true;
    });
    BOOST_TEST(!world.lock.try_lock());
    Child idle([] { return true; });  // has the open file for as long as it lives
    shared->unlock();
    BOOST_TEST(world.lock.try_lock());
}
