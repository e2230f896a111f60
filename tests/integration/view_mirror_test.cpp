#define BOOST_TEST_MODULE view_mirror
#include "mirror_fixture.hpp"
#include "plait/tests/support/couch_server.hpp"
#include "plait/tests/support/real_servers.hpp"

PLAIT_NEEDS_REAL_SERVERS

BOOST_FIXTURE_TEST_SUITE(with_zookeeper, MirrorFixture)

BOOST_AUTO_TEST_CASE(one_mirror_takes_every_row_and_answers_from_them) {
    configure(config());
    auto mirror = start_one_alone();
    expect_every_row_once(when_complete());

    BOOST_TEST(ask(mirror, "count") == std::to_string(rows));
    BOOST_TEST(ask(mirror, "get d\xc3\xb6k-00042") ==
               "{\"id\":\"d\xc3\xb6k-00042\",\"key\":4,\"value\":{\"size\": 42}}");
    BOOST_TEST(ask(mirror, "get nothing-like-it") == ".");
    BOOST_TEST(ask(mirror, "make coffee").rfind("error:", 0) == 0u);
    BOOST_TEST(mirror.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_killed_leader_is_replaced_and_nothing_is_lost_or_repeated) {
    configure(config());
    auto [leader, other] = start_two_and_wait_for_the_middle();
    leader.kill();

    const auto end = when_complete();
    BOOST_TEST(leads(other, end));
    expect_every_row_once(end);
    BOOST_TEST(ask(other, "count") == std::to_string(rows));
    BOOST_TEST(other.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_leader_frozen_for_longer_than_its_session_steps_down_and_repeats_nothing) {
    configure(config());
    auto [leader, other] = start_two_and_wait_for_the_middle();
    leader.pause();
    expect_every_row_once(when_complete());
    leader.resume();

    expect_every_row_once(when_complete());
    BOOST_TEST(other.stop() == 0);
    const auto back =
        checkpoint_when([&, &again = leader](const Checkpoint& checkpoint) { return leads(again, checkpoint); });
    BOOST_TEST(back.complete);
    expect_every_row_once(back);
    BOOST_TEST(leader.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_zookeeper_killed_and_started_again_in_the_middle_loses_nothing) {
    configure(config());
    auto [leader, other] = start_two_and_wait_for_the_middle();
    zookeeper.kill();
    zookeeper.start();
    server.release_stalled();
    expect_every_row_once(when_complete());
    BOOST_TEST(leader.stop() == 0);
    BOOST_TEST(other.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_body_cut_half_way_is_continued_from_the_checkpoint) {
    configure(config());
    server.next_request().cut_after_rows(rows / 2);
    server.next_request().cut_after_rows(rows / 4).by_reset();
    auto mirror = start_one_alone();
    expect_every_row_once(when_complete());
    BOOST_TEST(server.counts().requests == 3u);
    BOOST_TEST(mirror.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_changed_configuration_restarts_the_stream_with_it) {
    configure(config());
    auto mirror = start_one_alone();
    BOOST_REQUIRE(!when_rows(rows / 3).complete);

    // The same view in other batches goes on; another query starts afresh.
    configure(config(R"("batch": 500)"));
    expect_every_row_once(when_complete());
    configure(config(R"("query": "startkey=100&endkey=109")"));
    const auto narrow =
        checkpoint_when([](const Checkpoint& checkpoint) { return checkpoint.complete && checkpoint.rows() < rows; });
    BOOST_TEST(narrow.rows() == 100u);
    BOOST_TEST(ask(mirror, "count") == "100");
    BOOST_TEST(mirror.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_stream_that_stalls_is_restarted_by_a_changed_configuration) {
    configure(config());
    server.next_request().stall_after_rows(1000);
    auto mirror = start_one_alone();
    BOOST_REQUIRE(!when_rows(900).complete);
    configure(config(R"("batch": 500)"));
    expect_every_row_once(when_complete());
    BOOST_TEST(server.counts().requests == 2u);
    BOOST_TEST(mirror.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_leader_whose_checkpoint_somebody_else_wrote_steps_down) {
    configure(config());
    server.next_request().stall_after_rows(1000);
    auto mirror = start_one_alone();
    auto checkpoint = when_rows(900);
    BOOST_REQUIRE(!checkpoint.complete);
    checkpoint.writer = "somebody else";
    reactor.run_until(zk.set(rig::checkpoint_path, checkpoint.to_json()));
    server.release_stalled();

    const auto end = when_complete();
    BOOST_TEST(leads(mirror, end));
    expect_every_row_once(end);
    BOOST_TEST(mirror.log().find("another instance has written /view_mirror/checkpoint") != std::string::npos);
    BOOST_TEST(mirror.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_limit_in_the_query_holds_across_a_cut) {
    configure(config(R"("batch": 50, "query": "limit=1005")"));
    server.next_request().cut_after_rows(333);
    auto mirror = start_one_alone();
    const auto end = when_complete();
    BOOST_TEST(end.rows() == 1005u);
    BOOST_TEST(judge(end).repeated == 0u);
    BOOST_TEST(mirror.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_leader_that_is_stopped_is_replaced_at_once) {
    configure(config());
    auto [leader, other] = start_two_and_wait_for_the_middle("60");
    const auto stopped = reactor.now();
    BOOST_TEST(leader.stop() == 0);
    checkpoint_when([&, &next = other](const Checkpoint& checkpoint) { return leads(next, checkpoint); });
    // Its session was closed, not left to expire.
    BOOST_TEST((reactor.now() - stopped < 30s));
    expect_every_row_once(when_complete());
    BOOST_TEST(other.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_configuration_may_come_after_the_mirror) {
    auto mirror = start_one_alone();
    checkpoint_when([&](const Checkpoint& checkpoint) { return leads(mirror, checkpoint); });
    configure(config());
    expect_every_row_once(when_complete());
    BOOST_TEST(mirror.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_follower_holds_what_the_leader_mirrored) {
    configure(config());
    auto a = start_mirror("a");
    auto b = start_mirror("b");
    const auto end = when_complete();
    auto& other = leads(a, end) ? b : a;
    std::string status;
    const auto deadline = reactor.now() + 60s;
    do {
        reactor.run_until(reactor.sleep(10ms));
        status = reactor.run_until(other.status(reactor));
    } while (status.find("complete=yes") == std::string::npos && reactor.now() < deadline);
    BOOST_TEST(status.rfind("role=follower rows=6000 repeated=0 complete=yes", 0) == 0u);
    BOOST_TEST(a.stop() == 0);
    BOOST_TEST(b.stop() == 0);
}

BOOST_AUTO_TEST_CASE(rows_come_in_descending_order_across_a_cut) {
    configure(config(R"("batch": 50, "query": "descending=true")"));
    server.next_request().cut_after_rows(1234);
    auto mirror = start_one_alone();
    expect_every_row_once(when_complete());
    BOOST_TEST(mirror.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_view_of_a_real_couchdb_compatible_server_is_mirrored) {
    plait::support::CouchServer couch;
    couch.create_database("db");
    std::vector<std::string> documents;
    for (const auto& id : ids)
        documents.push_back(R"({"_id": ")" + id + R"("})");
    couch.load("db", documents);
    // Seven documents to a key, and this server does not know startkey_docid.
    couch.put("/db/_design/packages",
              R"({"views": {"by_name": {"map": "function (doc) { emit(Math.floor(doc._id.slice(-5) / 7), 1); }"}}})");

    configure(R"({"url": ")" + couch.url() + R"(/db", "design": "packages", "view": "by_name", "batch": 100})");
    auto a = start_mirror("a");
    auto b = start_mirror("b");
    const auto middle = when_rows(100);
    (leads(a, middle) ? a : b).kill();
    expect_every_row_once(when_complete());
}

BOOST_AUTO_TEST_SUITE_END()
