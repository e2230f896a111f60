#define BOOST_TEST_MODULE zk_path

#include <boost/test/unit_test.hpp>
#include <string>

#include "plait/zk/path.hpp"

using namespace plait::zk;

BOOST_AUTO_TEST_CASE(ordinary_paths_are_valid) {
    for (const char* path : {"/", "/a", "/a/b", "/a.b/.c/..d/...", "/zookeeper/config",
                             "/gr\xc3\xbc\xc3\x9f/\xe2\x82\xac", "/with space"}) {
        BOOST_TEST(path_problem(path) == "", path);
    }
}

BOOST_AUTO_TEST_CASE(each_wrong_path_is_told_why) {
    const struct {
        std::string path;
        const char* problem;
    } cases[] = {
        {"", "is empty"},
        {"a", "must start with '/'"},
        {"/a/", "must not end with '/'"},
        {"//", "must not end with '/'"},
        {"/a//b", "has an empty component ('//')"},
        {"/./a", "has the component '.'"},
        {"/a/.", "has the component '.'"},
        {"/..", "has the component '..'"},
        {"/a/../b", "has the component '..'"},
        {std::string("/a\0b", 4), "has a null character"},
        {"/a\x1e", "has a character that ZooKeeper does not allow"},
        {"/a\x7f", "has a character that ZooKeeper does not allow"},
        {"/a\xc2\x9f", "has a character that ZooKeeper does not allow"},
        {"/a\xed\xa0\x80", "has a character that ZooKeeper does not allow"},
        {"/a\xee\x80\x80", "has a character that ZooKeeper does not allow"},
        {"/a\xef\xbf\xb0", "has a character that ZooKeeper does not allow"},
        {"/a\xf0\x9f\x98\x80", "has a character that ZooKeeper does not allow"},
        {"/a\xff", "is not valid UTF-8"},
        {"/a\xc3", "is not valid UTF-8"},
        {"/a\xc3(", "is not valid UTF-8"},
        {"/a\xc0\xaf", "is not valid UTF-8"},
        {"/a\xe0\x80\xaf", "is not valid UTF-8"},
        {"/a\xe0\x9f\xbf", "is not valid UTF-8"},
        {"/a\xf0\x80\x80\xaf", "is not valid UTF-8"},
    };
    for (const auto& c : cases)
        BOOST_TEST(path_problem(c.path) == c.problem, c.path << ": " << path_problem(c.path));
}

BOOST_AUTO_TEST_CASE(a_sequential_path_may_end_with_a_slash) {
    BOOST_TEST(path_problem("/a/", true) == "");
    BOOST_TEST(path_problem("/", true) == "");
    BOOST_TEST(path_problem("/a//", true) == "has an empty component ('//')");
}

BOOST_AUTO_TEST_CASE(a_chroot_is_put_before_and_taken_off_at_component_boundaries) {
    const Chroot chroot("/app");
    std::string room;
    BOOST_TEST(chroot.to_server("/", room) == "/app");
    BOOST_TEST(chroot.to_server("/b/c", room) == "/app/b/c");
    BOOST_TEST(chroot.to_client("/app") == "/");
    BOOST_TEST(chroot.to_client("/app/b/c") == "/b/c");
    BOOST_TEST(chroot.to_client("/apple/b") == "/apple/b");
    BOOST_TEST(chroot.to_client("/zookeeper/config") == "/zookeeper/config");
}

BOOST_AUTO_TEST_CASE(the_root_as_chroot_is_none) {
    const Chroot chroot("/");
    std::string room;
    BOOST_TEST(chroot.to_server("/", room) == "/");
    BOOST_TEST(chroot.to_server("/b", room) == "/b");
    BOOST_TEST(chroot.to_client("/b") == "/b");
}
