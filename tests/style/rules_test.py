"""The style rules find what they are for: each is shown a small tree that breaks it, and one that does not."""
import tempfile
import unittest
from pathlib import Path

import includes
import snippets
import texts
from tree import Tree

HEADER = "// What it is.\n// What it is not.\n#pragma once\n"


class Rules(unittest.TestCase):
    def problems(self, rule, files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return list(rule(Tree(folder)))

    def finds(self, rule, name, text, **more):
        self.assertEqual(len(self.problems(rule, {name: text, **more})), 1, (rule.__name__, text))

    def accepts(self, rule, name, text, **more):
        self.assertEqual(self.problems(rule, {name: text, **more}), [], (rule.__name__, text))

    def test_arrows(self):
        rule = includes.arrows_point_down
        self.finds(rule, "deferred/a.hpp", '#include "plait/reactor/b.hpp"\n')
        self.finds(rule, "zk/a.cpp", '#include "plait/couch_async/b.hpp"\n')
        self.finds(rule, "couch_async/view/a.cpp", '#  include "plait/zk/b.hpp"\n')
        self.accepts(rule, "zk/a.cpp", '#include "plait/reactor/b.hpp"\n#include <string>\n')

    def test_spelling(self):
        rule = includes.own_headers_are_spelled_from_plait
        self.finds(rule, "zk/a.cpp", '#include "a.hpp"\n')
        self.finds(rule, "zk/a.cpp", "#include <plait/zk/a.hpp>\n")
        self.accepts(rule, "examples/mirror/a.cpp", '#include "a.hpp"\n')
        self.accepts(rule, "tests/consumer/a.cpp", "#include <plait/zk/a.hpp>\n")

    def test_private(self):
        rule = includes.private_headers_stay_in_their_folder
        self.finds(rule, "zk/a.cpp", '#include "plait/reactor/detail/b.hpp"\n')
        self.finds(rule, "examples/a.cpp", '#include "plait/zk/detail/b.hpp"\n')
        self.accepts(rule, "zk/a.cpp", '#include "plait/zk/detail/b.hpp"\n')

    def test_libev(self):
        rule = includes.libev_is_included_in_one_folder
        self.finds(rule, "reactor/a.cpp", "#include <ev.h>\n")
        self.accepts(rule, "reactor/detail/a.cpp", "#include <ev.h>\n")

    def test_standard_library(self):
        rule = includes.deferred_needs_only_the_standard_library
        self.finds(rule, "deferred/a.hpp", "#include <boost/any.hpp>\n")
        self.accepts(rule, "deferred/a.hpp", "#include <source_location>\n")
        self.finds(rule, "deferred/a.hpp", "#include <fcntl.h>\n")
        self.finds(rule, "deferred/a.cpp", "#include <sys/socket.h>\n")
        self.accepts(rule, "deferred/a.cpp", "#include <fcntl.h>\n#include <sys/file.h>\n")

    def test_hidden_libraries(self):
        rule = includes.public_headers_show_no_other_library
        self.finds(rule, "zk/a.hpp", "#include <openssl/evp.h>\n")
        self.accepts(rule, "zk/detail/a.hpp", "#include <openssl/evp.h>\n")
        kit = {"deferred/testing/boost_test.hpp": "#include <boost/test/unit_test.hpp>\n"}
        self.assertEqual(self.problems(rule, kit), [])
        kit["deferred/testing/a.hpp"] = '#include "plait/deferred/testing/boost_test.hpp"\n'
        self.assertEqual(len(self.problems(rule, kit)), 1)
        through = {"zk/a.hpp": '#include "plait/zk/detail/b.hpp"\n', "zk/detail/b.hpp": "#include <fmt/format.h>\n"}
        self.assertEqual(len(self.problems(rule, through)), 1)

    def test_installed(self):
        rule = includes.what_public_headers_include_is_installed
        tree = {"zk/a.hpp": '#include "plait/zk/detail/b.hpp"\n', "zk/detail/b.hpp": "", "zk/meson.build": "'a.hpp'"}
        self.assertEqual(len(self.problems(rule, tree)), 1)
        tree["zk/meson.build"] += ", 'detail/b.hpp'"
        self.assertEqual(self.problems(rule, tree), [])

    def test_own_header_first(self):
        rule = includes.a_source_includes_its_own_header_first
        tree = {"zk/a.hpp": "", "zk/a.cpp": '#include <string>\n#include "plait/zk/a.hpp"\n'}
        self.assertEqual(len(self.problems(rule, tree)), 1)
        tree["zk/a.cpp"] = '#include "plait/zk/a.hpp"\n#include <string>\n'
        self.assertEqual(self.problems(rule, tree), [])

    def test_opening(self):
        rule = texts.headers_open_with_what_they_are
        self.finds(rule, "zk/a.hpp", "#pragma once\nint a;\nint b;\n")
        self.finds(rule, "zk/a.hpp", "// What it is.\n// What it is not.\nint a;\n")
        self.accepts(rule, "zk/a.hpp", HEADER)

    def test_deferreds(self):
        rule = texts.deferreds_say_how_they_fail
        self.finds(rule, "reactor/a.hpp", "Deferred<> go(int x);\n")
        self.finds(rule, "reactor/a.hpp", "/// Fires when there.\n/// Fails: never.\nDeferred<> go();\n")
        self.finds(rule, "zk/a.hpp", "/// Fails: never.\nclass A {\n    virtual Deferred<int> go() = 0;\n};\n")
        self.finds(rule, "zk/a.hpp", "/// Fails and Cancel: no.\nDeferred<> go();\n\nDeferred<> come();\n")
        self.accepts(rule, "zk/a.hpp", "/// Fails: never.\n/// Cancel: nothing.\nDeferred<> go();\nDeferred<> go(int x);\n")
        self.accepts(rule, "zk/a.hpp", "/// Fails: never. Cancel: no.\nclass A {\n\n    Deferred<std::pair<A, A>> go();\n};\n")
        self.accepts(rule, "reactor/a.hpp", "/// As go().\nDeferred<> go();\n")
        self.accepts(rule, "reactor/a.hpp", "/// Runs. Fails as `go`.\nDeferred<> go();\n")
        self.accepts(rule, "reactor/detail/a.hpp", "Deferred<> go();\n")
        self.accepts(rule, "deferred/a.hpp", "Deferred<> go();\n")

    def test_length(self):
        self.finds(texts.files_hold_one_idea, "zk/a.cpp", "\n" * 601)
        self.accepts(texts.files_hold_one_idea, "zk/a.cpp", "\n" * 600)

    def test_sleeps(self):
        rule = texts.tests_do_not_sleep
        for call in ("std::this_thread::sleep_for(1s);", "usleep(10);", "sleep (1);"):
            self.finds(rule, "tests/a_test.cpp", call)
        self.accepts(rule, "tests/a_test.cpp", "clock.sleep(1s); clock->sleep(1s); the_sleep(1);")

    def test_captures(self):
        self.finds(texts.lambdas_name_what_they_capture, "zk/a.cpp", "f([=] { g(); });\n")
        self.finds(texts.lambdas_name_what_they_capture, "zk/a.cpp", "f([=, &b] { g(); });\n")
        self.accepts(texts.lambdas_name_what_they_capture, "zk/a.cpp", "f([a] { g(); }); a[i] = b;\n")

    def test_unfinished(self):
        self.finds(texts.nothing_is_left_unfinished, "zk/a.cpp", "// TO" + "DO\n")
        self.accepts(texts.nothing_is_left_unfinished, "zk/a.cpp", "// done\n")

    def test_machine(self):
        self.finds(texts.nothing_names_one_machine, "docs/a.md", "see /ho" + "me/somebody/x\n")
        self.finds(texts.nothing_names_one_machine, "a.json", "https://registry." + "npmjs.org\n")
        self.accepts(texts.nothing_names_one_machine, "docs/a.md", "see /usr/share/java\n")

    def test_snippets(self):
        rule = snippets.blocks_are_the_text_of_files
        code = "int a;\n"
        marked = "<!-- snippet: a.cpp -->\n```cpp\nint a;\n```\n"
        self.accepts(rule, "README.md", marked, **{"a.cpp": code})
        self.finds(rule, "README.md", marked, **{"a.cpp": "int b;\n"})
        self.finds(rule, "README.md", marked)
        self.finds(rule, "README.md", "```cpp\nint a;\n```\n")
        self.accepts(rule, "README.md", "<!-- fragment -->\n```cpp\nint a;\n```\n")

    def test_named_snippets(self):
        rule = snippets.blocks_are_the_text_of_files
        marked = "<!-- snippet: a.cpp#part -->\n\n```cpp\nint a;\n```\n"
        self.accepts(rule, "README.md", marked, **{"a.cpp": "  // snippet: part\n  int a;\n  // end of snippet\n"})
        self.finds(rule, "README.md", marked, **{"a.cpp": "int a;\n"})


if __name__ == "__main__":
    unittest.main()
