// The code of docs/reactor.md: child processes.
#define BOOST_TEST_MODULE docs_reactor_processes
#include <boost/test/unit_test.hpp>
#include <string>
#include <utility>

#include "plait/deferred/coroutine.hpp"
#include "plait/reactor/process.hpp"
#include "plait/reactor/process_output.hpp"

using namespace plait;
using namespace std::chrono_literals;

namespace {

// snippet: output
Deferred<std::string> kernel_release(Reactor& reactor) {
    ProcessOptions uname{.program = "uname", .arguments = {"-r"}};
    Deferred<std::string> output = process_output(reactor, std::move(uname)).add_timeout(reactor, 5s, "asking uname");
    co_return co_await std::move(output);
}
// end of snippet

// snippet: protocol
class Sort : public ProcessProtocol {
public:
    explicit Sort(Promise<std::string> done) : done_(std::move(done)) {}

private:
    void connection_made() override {
        transport().write("pear\napple\n");
        transport().close_stdin();
    }
    void out_received(const Bytes& data) override { sorted_ += data.view(); }
    void process_ended(const Failure& reason) override {
        if (reason.check<ProcessDone>()) return done_.callback(std::move(sorted_));
        done_.errback(reason);  // a ProcessTerminated: its status() has the exit code or the signal
    }

    std::string sorted_;
    Promise<std::string> done_;
};

Deferred<std::string> sort_fruit(Reactor& reactor) {
    auto [sorted, done] = make_deferred<std::string>();
    spawn_process(reactor, {.program = "sort"}, std::make_shared<Sort>(std::move(done)));
    return std::move(sorted);
}
// end of snippet

}  // namespace

BOOST_AUTO_TEST_CASE(a_programs_output) {
    Reactor reactor;
    BOOST_TEST(!reactor.run_until(kernel_release(reactor)).empty());
}

BOOST_AUTO_TEST_CASE(a_program_is_talked_to) {
    Reactor reactor;
    BOOST_TEST(reactor.run_until(sort_fruit(reactor)) == "apple\npear\n");
}

BOOST_AUTO_TEST_CASE(descriptors_are_named) {
    class Quiet : public ProcessProtocol {
    public:
        bool ended = false;

    private:
        void process_ended(const Failure&) override { ended = true; }
    };
    Reactor reactor;
    const auto protocol = std::make_shared<Quiet>();
    // snippet: descriptors
    ProcessOptions options{.program = "sh", .arguments = {"-c", "echo report >&3"}};
    options.environment = {{"LANG", "C"}};  // beside what we have; `inherit_environment = false` for this alone
    options.descriptors.insert_or_assign(0, ChildDescriptor::null());
    options.descriptors.insert_or_assign(2, ChildDescriptor::inherited(2));  // to where our own errors go
    options.descriptors.insert_or_assign(3, ChildDescriptor::read());        // comes to child_data_received(3, ...)
    spawn_process(reactor, std::move(options), protocol);
    // end of snippet
    while (!protocol->ended)
        reactor.run_until(reactor.sleep(1ms));
}
