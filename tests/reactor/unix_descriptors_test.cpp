// Descriptors passed over UNIX sockets: order, bounds, and none that leaks.
#define BOOST_TEST_MODULE unix_descriptors
#include <sys/resource.h>

#include <boost/test/unit_test.hpp>

#include "plait/tests/reactor/child_program.hpp"
#include "plait/tests/reactor/unix_fixture.hpp"

using namespace plait;
using namespace plait::testing;
using namespace std::chrono_literals;

BOOST_FIXTURE_TEST_CASE(a_descriptor_arrives_before_its_byte_and_is_another_number, UnixFixture) {
    auto client = connect();
    client->unix_transport().send_descriptor(file("one"));
    client->transport().write("x");
    BOOST_TEST(client->unix_transport().descriptors_queued() == 1U);
    wait([&] { return served[0]->story == "made fd:one x"; });
    BOOST_TEST(client->unix_transport().descriptors_queued() == 0U);
    BOOST_TEST((::fcntl(served[0]->kept[0].get(), F_GETFD) & FD_CLOEXEC) != 0);
}

BOOST_FIXTURE_TEST_CASE(descriptors_go_both_ways_at_once, UnixFixture) {
    auto client = connect();
    client->unix_transport().send_descriptor(file("there"));
    client->transport().write("x");
    served[0]->unix_transport().send_descriptor(file("back"));
    served[0]->transport().write("y");
    wait([&] { return served[0]->story == "made fd:there x" && client->story == "made fd:back y"; });
}

BOOST_FIXTURE_TEST_CASE(several_descriptors_keep_their_order_also_between_bytes, UnixFixture) {
    auto client = connect();
    std::string sent;
    std::string got;
    served[0]->when_data = [&](UnixRecorder&) {};
    for (int i = 0; i < 40; ++i) {
        const std::string name = std::to_string(i);
        client->unix_transport().send_descriptor(file(name));
        sent += " fd:" + name;
        if (i % 3 == 2) client->transport().write(numbered(5000));
    }
    client->transport().write("end");
    wait([&] { return served[0]->story.ends_with("end"); });
    const std::string& story = served[0]->story;
    for (std::size_t at = story.find(" fd:"); at != std::string::npos; at = story.find(" fd:", at + 1))
        got += story.substr(at, story.find(' ', at + 1) - at);
    BOOST_TEST(got == sent);
    BOOST_TEST(served[0]->transport().bytes_received() == 13U * 5000U + 3U);
}

BOOST_FIXTURE_TEST_CASE(a_descriptor_never_comes_after_the_byte_written_behind_it, UnixFixture) {
    auto client = connect();
    client->transport().write("before ");
    client->unix_transport().send_descriptor(file("one"));
    client->transport().write("after");
    wait([&] { return served[0]->story.ends_with("after"); });
    BOOST_TEST(served[0]->story.find("fd:one") < served[0]->story.find("after"));
}

BOOST_FIXTURE_TEST_CASE(a_descriptor_waits_for_a_byte_and_closing_without_one_is_an_overrun, UnixFixture) {
    auto client = connect();
    client->unix_transport().send_descriptor(file("one"));
    settle(reactor);
    BOOST_TEST(served[0]->story == "made");
    client->transport().write("x");
    client->unix_transport().send_descriptor(file("two"));
    client->transport().lose_connection();
    wait([&] { return client->reason.has_value() && served[0]->reason.has_value(); });
    BOOST_TEST(served[0]->story == "made fd:one x");
    BOOST_REQUIRE(client->reason->check<FileDescriptorOverrun>());
    BOOST_TEST(client->reason->message().find("1 descriptors to send") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(half_closing_with_a_descriptor_left_is_an_overrun_too, UnixFixture) {
    auto client = connect();
    client->unix_transport().send_descriptor(file("one"));
    client->transport().lose_write_connection();
    wait([&] { return client->reason.has_value(); });
    BOOST_TEST(client->reason->check<FileDescriptorOverrun>());
}

BOOST_FIXTURE_TEST_CASE(the_queue_of_descriptors_is_bounded_and_bytes_empty_it, UnixFixture) {
    auto client = connect();
    for (std::size_t i = 0; i < UnixTransport::most_queued_descriptors; ++i)
        client->unix_transport().send_descriptor(file("x"));
    BOOST_CHECK_THROW(client->unix_transport().send_descriptor(file("x")), DescriptorQueueFull);
    client->transport().write("!");
    wait([&] { return served[0]->story.ends_with("!"); });
    BOOST_TEST(served[0]->kept.size() == UnixTransport::most_queued_descriptors);
    client->unix_transport().send_descriptor(file("x"));
    client->transport().write("?");
    wait([&] { return served[0]->story.ends_with("fd:x ?"); });
}

BOOST_FIXTURE_TEST_CASE(a_deaf_receiver_leaks_none, UnixFixture) {
    auto client = connect<Recorder>();
    served[0]->unix_transport().send_descriptor(file("warm up"));
    served[0]->transport().write("x");
    wait([&] { return client->received == "x"; });
    const std::size_t before = open_descriptors();
    for (int i = 0; i < 50; ++i)
        served[0]->unix_transport().send_descriptor(file("one"));
    served[0]->transport().write("y");
    wait([&] { return client->received == "xy"; });
    settle(reactor);
    BOOST_TEST(open_descriptors() == before);
}

BOOST_FIXTURE_TEST_CASE(what_was_not_sent_or_not_delivered_is_closed_with_the_connection, UnixFixture) {
    const std::size_t before = open_descriptors();
    {
        auto client = connect();
        client->unix_transport().send_descriptor(file("never sent"));
        served[0]->unix_transport().send_descriptor(file("not read"));
        client->transport().pause_producing();
        served[0]->transport().write("x");
        settle(reactor);
        client->transport().abort_connection();
        wait([&] { return client->reason.has_value() && served[0]->reason.has_value(); });
    }
    served.clear();
    settle(reactor);
    BOOST_TEST(open_descriptors() == before);
}

BOOST_FIXTURE_TEST_CASE(sending_takes_only_open_descriptors_and_nothing_while_closing, UnixFixture) {
    auto client = connect();
    BOOST_CHECK_THROW(client->unix_transport().send_descriptor(UniqueFd()), UsageError);
    client->transport().lose_connection();
    client->unix_transport().send_descriptor(file("late"));
    wait([&] { return client->reason.has_value(); });
    BOOST_TEST(client->reason->check<ConnectionDone>());
}

BOOST_FIXTURE_TEST_CASE(a_descriptor_closed_behind_our_back_is_the_reason_of_the_loss, UnixFixture) {
    auto client = connect();
    UniqueFd doomed = file("one");
    const int number = doomed.get();
    client->unix_transport().send_descriptor(std::move(doomed));
    ::close(number);
    client->transport().write("x");
    wait([&] { return client->reason.has_value(); });
    BOOST_TEST(client->reason->check<ConnectionLost>());
    BOOST_TEST(client->reason->message().find("a descriptor on its way there was closed") != std::string::npos);
    wait([&] { return served[0]->reason.has_value(); });
}

// --- what the receiver may do

BOOST_FIXTURE_TEST_CASE(closing_from_descriptor_received_delivers_nothing_more, UnixFixture) {
    auto client = connect();
    served[0]->when_descriptor = [](UnixRecorder& r) { r.transport().lose_connection(); };
    client->unix_transport().send_descriptor(file("one"));
    client->unix_transport().send_descriptor(file("two"));
    client->transport().write("x");
    wait([&] { return served[0]->reason.has_value(); });
    BOOST_TEST(served[0]->story == "made fd:one");
    BOOST_TEST(served[0]->reason->check<ConnectionDone>());
}

BOOST_FIXTURE_TEST_CASE(what_descriptor_received_throws_is_the_reason_of_the_loss, UnixFixture) {
    auto client = connect();
    served[0]->when_descriptor = [](UnixRecorder&) { throw std::runtime_error("cannot use this"); };
    client->unix_transport().send_descriptor(file("one"));
    client->transport().write("x");
    wait([&] { return served[0]->reason.has_value(); });
    BOOST_TEST(served[0]->story == "made fd:one");
    BOOST_TEST(says(*served[0]->reason->exception(), "cannot use this"));
}

BOOST_FIXTURE_TEST_CASE(the_protocol_may_be_let_go_from_descriptor_received, UnixFixture) {
    auto client = connect();
    served[0]->when_descriptor = [this](UnixRecorder& r) {
        r.transport().abort_connection();
        served.clear();
    };
    client->unix_transport().send_descriptor(file("one"));
    client->unix_transport().send_descriptor(file("two"));
    client->transport().write("x");
    wait([&] { return client->reason.has_value(); });
    BOOST_TEST(served.empty());
}

namespace {

/// No room for what comes: the exit code is 0 when that ends the connection with the right reason.
int receive_without_room() {
    UnixFixture fixture;
    auto client = fixture.connect();
    fixture.served[0]->transport().pause_producing();
    for (int i = 0; i < 4; ++i)
        client->unix_transport().send_descriptor(fixture.file("x"));
    client->transport().write("x");
    settle(fixture.reactor);
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = open_descriptors() + 3;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    std::vector<UniqueFd> hoard;
    for (;;) {
        UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        if (!fd) break;
        hoard.push_back(std::move(fd));
    }
    hoard.resize(hoard.size() - 3);  // one too few
    fixture.served[0]->transport().resume_producing();
    run_until(fixture.reactor, [&] { return fixture.served[0]->reason.has_value(); });
    return fixture.served[0]->reason->check<DescriptorsTruncated>() ? 0 : 2;
}

}  // namespace

BOOST_AUTO_TEST_CASE(running_out_of_descriptors_while_receiving_some_is_a_typed_loss) {
    BOOST_TEST(code_of_child(receive_without_room) == 0);
}

BOOST_FIXTURE_TEST_CASE(after_a_change_of_protocols_descriptors_go_to_the_new_one_or_are_closed, UnixFixture) {
    struct Deaf final : Protocol {
        void data_received(const Bytes& data) override { text += data.view(); }
        std::string text;
    };
    auto client = connect();
    auto deaf = std::make_shared<Deaf>();
    Transport& transport = served[0]->transport();
    deaf->attach(transport);
    static_cast<void>(transport.hand_over(deaf));
    served.clear();
    client->unix_transport().send_descriptor(file("nobody"));
    client->transport().write("x");
    wait([&] { return deaf->text == "x"; });
    client->transport().lose_connection();
    wait([&] { return !deaf->connected(); });
}
