#define BOOST_TEST_MODULE descriptor_watch
#include "plait/reactor/descriptor_watch.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plait/deferred/context.hpp"
#include "plait/deferred/errors.hpp"
#include "plait/reactor/errors.hpp"
#include "plait/reactor/testing/clean_reactor.hpp"
#include "plait/reactor/testing/waiting.hpp"
#include "plait/reactor/unique_fd.hpp"
#include "plait/tests/reactor/reports.hpp"

using namespace plait;           // NOLINT
using namespace plait::testing;  // NOLINT
using namespace std::chrono_literals;

namespace {

struct Fixture {
    Fixture() {
        int fds[2];
        BOOST_REQUIRE_EQUAL(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        near = UniqueFd(fds[0]);
        far = UniqueFd(fds[1]);
    }
    void say(std::string_view text = "x") const {
        BOOST_REQUIRE_EQUAL(::write(far.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    std::string heard() const {
        char room[64];
        const ssize_t got = ::read(near.get(), room, sizeof room);
        return got > 0 ? std::string(room, static_cast<std::size_t>(got)) : std::string();
    }
    /// Whatever is ready has been told.
    void settle() { reactor.run_until(reactor.sleep(2ms)); }

    Reactor reactor;
    UniqueFd near, far;
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(it_is_told_for_as_long_as_the_descriptor_is_ready, Fixture) {
    int calls = 0;
    bool in_call = false;
    const DescriptorWatch watch(reactor, near.get(), IOFlags::read, [&](IOFlags flags) {
        in_call = true;
        BOOST_TEST((flags == IOFlags::read));
        BOOST_TEST(reactor.running());
        if (++calls == 3) BOOST_TEST(heard() == "x");
    });
    say();
    BOOST_TEST(!in_call);  // not before a turn
    await_until(reactor, [&] { return calls == 3; });
    settle();
    BOOST_TEST(calls == 3);
}

BOOST_FIXTURE_TEST_CASE(what_is_watched_for_can_be_changed_and_taken_back, Fixture) {
    int reads = 0;
    int writes = 0;
    DescriptorWatch watch(reactor, near.get(), IOFlags::none, [&](IOFlags flags) {
        reads += any(flags & IOFlags::read) ? 1 : 0;
        writes += any(flags & IOFlags::write) ? 1 : 0;
    });
    say();
    settle();
    BOOST_TEST(reads + writes == 0);

    watch.watch(IOFlags::write);
    await_until(reactor, [&] { return writes > 0; });
    BOOST_TEST(reads == 0);

    watch.watch(IOFlags::rw);
    BOOST_TEST((watch.flags() == IOFlags::rw));
    await_until(reactor, [&] { return reads > 0; });

    watch.watch(IOFlags::none);
    const int before = reads + writes;
    settle();
    BOOST_TEST(reads + writes == before);
    BOOST_TEST(watch.fd() == near.get());
}

BOOST_FIXTURE_TEST_CASE(an_end_is_readable, Fixture) {
    bool ended = false;
    DescriptorWatch watch(reactor, near.get(), IOFlags::read, [&](IOFlags) {
        ended = true;
        watch.watch(IOFlags::none);
    });
    far.reset();
    await_until(reactor, [&] { return ended; });
    BOOST_TEST(heard().empty());
}

BOOST_FIXTURE_TEST_CASE(what_it_calls_may_write_to_other_descriptors_of_the_same_turn, Fixture) {
    const UniqueFd counter(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    std::string order;
    DescriptorWatch rings(reactor, counter.get(), IOFlags::read, [&](IOFlags) {
        std::uint64_t count = 0;
        BOOST_TEST(::read(counter.get(), &count, sizeof count) == 8);
        order += "rung";
        say();
    });
    DescriptorWatch hears(reactor, near.get(), IOFlags::read, [&](IOFlags) { order += " heard" + heard(); });
    const std::uint64_t one = 1;
    BOOST_REQUIRE_EQUAL(::write(counter.get(), &one, sizeof one), 8);
    await_until(reactor, [&] { return order == "rung heardx"; });
}

BOOST_FIXTURE_TEST_CASE(it_may_be_destroyed_in_its_own_call_and_in_anothers, Fixture) {
    const UniqueFd again(::fcntl(far.get(), F_DUPFD_CLOEXEC, 3));
    std::optional<DescriptorWatch> other;
    auto own = std::make_unique<std::optional<DescriptorWatch>>();
    int told = 0;
    int others = 0;
    auto* const place = own.get();
    const auto end_both = [&, place](IOFlags) {
        ++told;
        other.reset();
        place->reset();
    };
    place->emplace(reactor, near.get(), IOFlags::rw, end_both);
    other.emplace(reactor, again.get(), IOFlags::write, [&](IOFlags) {
        ++others;
        place->reset();
        other.reset();
    });
    say();
    settle();
    BOOST_TEST(told + others == 1);
    BOOST_TEST(left_on(reactor).empty());
}

BOOST_FIXTURE_TEST_CASE(destroyed_in_the_turn_of_its_news_it_is_not_told, Fixture) {
    bool told = false;
    auto watch = std::make_unique<DescriptorWatch>(reactor, near.get(), IOFlags::read, [&](IOFlags) { told = true; });
    say();
    reactor.call_soon([&] { watch.reset(); });
    reactor.iterate(20ms);
    settle();
    BOOST_TEST((told || watch == nullptr));
    watch.reset();
    told = false;
    say();
    settle();
    BOOST_TEST(!told);
}

BOOST_FIXTURE_TEST_CASE(an_exception_is_reported_and_ends_the_watching_until_it_is_taken_up_again, Fixture) {
    CaughtReports reports;
    int calls = 0;
    DescriptorWatch watch(reactor, near.get(), IOFlags::read, [&](IOFlags) {
        if (++calls == 1) throw Error("cannot read this");
        heard();
    });
    say();
    await_until(reactor, [&] { return calls == 1; });
    settle();
    BOOST_TEST(calls == 1);
    BOOST_TEST((watch.flags() == IOFlags::none));
    reports.expect(1);
    watch.watch(IOFlags::read);
    await_until(reactor, [&] { return calls == 2; });
}

BOOST_FIXTURE_TEST_CASE(a_descriptor_that_is_not_open_is_told_once_as_an_error, Fixture) {
    int calls = 0;
    IOFlags told = IOFlags::none;
    DescriptorWatch watch(reactor, 1'000'000, IOFlags::read, [&](IOFlags flags) {
        ++calls;
        told = flags;
    });
    await_until(reactor, [&] { return calls > 0; });
    settle();
    BOOST_TEST(calls == 1);
    BOOST_TEST(any(told & IOFlags::error));
    BOOST_TEST((watch.flags() == IOFlags::none));
    BOOST_CHECK_THROW(DescriptorWatch(reactor, -1, IOFlags::read, [](IOFlags) {}), UsageError);
}

BOOST_FIXTURE_TEST_CASE(it_is_called_in_the_context_in_which_it_was_made, Fixture) {
    const ContextKey<std::string> who{"who"};
    std::string seen;
    std::optional<DescriptorWatch> watch;
    {
        const ContextScope scope(who, "ann");
        watch.emplace(reactor, near.get(), IOFlags::read, [&](IOFlags) {
            heard();
            seen = who.get() != nullptr ? *who.get() : "nobody";
        });
    }
    say();
    await_until(reactor, [&] { return !seen.empty(); });
    BOOST_TEST(seen == "ann");
}

BOOST_FIXTURE_TEST_CASE(it_outlives_a_run_and_works_in_the_next, Fixture) {
    int calls = 0;
    const DescriptorWatch watch(reactor, near.get(), IOFlags::read, [&](IOFlags) {
        heard();
        ++calls;
        reactor.stop();
    });
    for (int run = 1; run <= 2; ++run) {
        say();
        reactor.run();
        BOOST_TEST(calls == run);
    }
    const auto left = left_on(reactor);
    BOOST_REQUIRE(left.size() == 1U);
    BOOST_TEST(left.front() == "descriptor " + std::to_string(near.get()) + " to be readable");
}

BOOST_AUTO_TEST_CASE(its_reactor_may_go_first_and_takes_the_function_with_it) {
    Fixture* world = new Fixture;
    const auto held = std::make_shared<int>(1);
    UniqueFd near = std::move(world->near);
    DescriptorWatch watch(world->reactor, near.get(), IOFlags::read, [held](IOFlags) {});
    auto self_owned = std::make_shared<std::optional<DescriptorWatch>>();
    UniqueFd far = std::move(world->far);
    self_owned->emplace(world->reactor, far.get(), IOFlags::read, [keeps = self_owned](IOFlags) {});
    const std::weak_ptr<void> gone = self_owned;
    self_owned.reset();
    delete world;
    BOOST_TEST(held.use_count() == 1);
    BOOST_TEST(gone.expired());
    BOOST_TEST((watch.flags() == IOFlags::none));
    watch.watch(IOFlags::rw);
    BOOST_TEST((watch.flags() == IOFlags::none));
}

BOOST_AUTO_TEST_CASE(nothing_is_watched_while_the_reactor_is_being_destroyed) {
    std::optional<Reactor> reactor(std::in_place);
    bool refused = false;
    auto call = reactor->call_later(
        1h, [end = std::shared_ptr<void>(nullptr, [&](void*) {
                 BOOST_CHECK_THROW(DescriptorWatch(*reactor, 0, IOFlags::read, [](IOFlags) {}), ReactorStopped);
                 refused = true;
             })] {});
    reactor.reset();
    BOOST_TEST(refused);
}
