// Starting a process when the memory or the descriptors for it run out half-way: all of it, or nothing.
#define BOOST_TEST_MODULE process_unwatched
#include <sys/resource.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <new>
#include <optional>

#include "plait/reactor/detail/default_loop.hpp"
#include "plait/reactor/detail/ev_iops.hpp"
#include "plait/reactor/metrics.hpp"
#include "plait/tests/reactor/open_descriptors.hpp"
#include "plait/tests/reactor/process_fixture.hpp"

namespace {

std::optional<int> left;  ///< allocations until one that fails

}  // namespace

void* operator new(std::size_t size) {
    if (left && (*left)-- == 0) {
        left.reset();
        throw std::bad_alloc();
    }
    if (void* memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

using namespace plait;
using namespace plait::testing;

namespace {

/// No more descriptors than that have numbers, until the end of a scope.
class DescriptorLimit {
public:
    explicit DescriptorLimit(rlim_t most) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit wanted{most, before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &wanted);
    }
    DescriptorLimit(const DescriptorLimit&) = delete;
    DescriptorLimit& operator=(const DescriptorLimit&) = delete;
    ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

/// Some loops need memory of their own each time they are told to watch, and what they then throw is reported: that is
/// about them. libev's does not.
struct OnLibev {
    detail::LoopMaker maker_before =
        detail::exchange_default_loop([]() -> std::unique_ptr<IOPS> { return std::make_unique<detail::EvIOPS>(); });
    ~OnLibev() { detail::exchange_default_loop(maker_before); }
};

struct Fixture : OnLibev, ProcessFixture {
    /// What making the first one leaves open is no leak.
    Fixture() { run(shell("exit 0")); }

    /// Three pipes, each a connection of its own; the child would live for long.
    static ProcessOptions long_running() {
        ProcessOptions options;
        options.program = "sleep";
        options.arguments = {"100"};
        return options;
    }

    /// Returns whether it was started; nothing is left of it in either case.
    bool starts(const std::function<void()>& start) {
        child = std::make_shared<ProcessRecorder>();
        const std::size_t open_before = open_descriptors();
        const ReactorMetrics before = reactor.metrics();
        bool started = true;
        try {
            start();
        } catch (const std::exception&) {
            started = false;
        }
        left.reset();
        if (started) {
            child->transport().signal_process(SIGKILL);
            wait_ended();
        }
        BOOST_TEST(no_children());
        BOOST_TEST(open_descriptors() == open_before);
        BOOST_TEST(!child->connected());
        BOOST_TEST(child.use_count() == 1);
        settle(reactor);
        BOOST_TEST(child->events.empty() == !started);
        const ReactorMetrics now = reactor.metrics();
        BOOST_TEST(now.connections_made - before.connections_made == now.connections_lost - before.connections_lost);
        return started;
    }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(out_of_memory_anywhere_starts_no_process_and_leaves_nothing, Fixture) {
    int failures = 0;
    const auto starts_with_memory_for = [&](int allocations) {
        return starts([&] {
            ProcessOptions options = long_running();
            left = allocations;
            spawn_process(reactor, std::move(options), child);
        });
    };
    while (!starts_with_memory_for(failures))
        ++failures;
    BOOST_TEST(failures > 20);  // the last ones after the child was started
    child = std::make_shared<ProcessRecorder>();
    run(shell("exit 3"));
    BOOST_TEST(*child->status().exit_code == 3);
}

BOOST_FIXTURE_TEST_CASE(out_of_descriptors_anywhere_starts_no_process_and_leaves_nothing, Fixture) {
    rlim_t failures = 0;
    const auto starts_with_descriptors = [&](rlim_t most) {
        return starts([&] {
            const DescriptorLimit limit(most);
            spawn_process(reactor, long_running(), child);
        });
    };
    while (!starts_with_descriptors(failures))
        ++failures;
    BOOST_TEST(failures > 5);
}
