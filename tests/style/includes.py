"""The rules of who includes whom: arrows between the folders point down only, what is private stays private.

usage: includes.py SOURCE_ROOT
"""
import re
from pathlib import Path

from tree import MODULES, main

# A folder sees itself and those it is built on.
BELOW = {
    "deferred": {"deferred"},
    "reactor": {"deferred", "reactor"},
    "zk": {"deferred", "reactor", "zk"},
    "couch_async": {"deferred", "reactor", "couch_async"},
}
# Parts that users of the headers need not have, and that may be exchanged.
HIDDEN = re.compile(r"^(ev\.h|ev\+\+\.h|openssl/|ares|boost/|fmt/|simdjson|uv\.h|asio)")
# For users of Boost.Test alone: they tie what we have to what they have, and no other header includes them.
FOR_BOOST_TEST = (Path("deferred/testing/boost_test.hpp"), Path("reactor/testing/boost_test.hpp"))
STANDARD = re.compile(r"[a-z_0-9]+|cxxabi\.h")
SYSTEM = re.compile(STANDARD.pattern + r"|fcntl\.h|unistd\.h|sys/(file|stat)\.h")
CODE = (".hpp", ".cpp")


def arrows_point_down(tree):
    for path in tree.files(*CODE, under=MODULES):
        for number, _, what in tree.includes(path):
            parts = what.split("/")
            if parts[0] == "plait" and parts[1] not in BELOW[path.parts[0]]:
                yield f"{path}:{number}: {path.parts[0]} must not include {what}: arrows point down only"


def own_headers_are_spelled_from_plait(tree):
    """Beside a program of several files, such as an example, a short name is fine; in the libraries users read it."""
    for path in tree.files(*CODE):
        for number, angled, what in tree.includes(path):
            if not angled and not what.startswith("plait/") and path.parts[0] in MODULES:
                yield f'{path}:{number}: write "plait/<folder>/{what.split("/")[-1]}", not "{what}"'
            if angled and what.startswith("plait/") and path.parts[:2] != ("tests", "consumer"):
                yield f'{path}:{number}: write "{what}" in quotes'


def private_headers_stay_in_their_folder(tree):
    for path in tree.files(*CODE, under=(*MODULES, "examples")):
        for number, _, what in tree.includes(path):
            parts = what.split("/")
            if parts[0] == "plait" and "detail" in parts and parts[1] != path.parts[0]:
                yield f"{path}:{number}: {what} is private to {parts[1]}"


def libev_is_included_in_one_folder(tree):
    for path in tree.files(*CODE, under=MODULES):
        for number, _, what in tree.includes(path):
            if what in ("ev.h", "ev++.h") and path.parts[:2] != ("reactor", "detail"):
                yield f"{path}:{number}: <{what}> is included in reactor/detail only"


def deferred_needs_only_the_standard_library(tree):
    """And, in sources, the system's own headers: a lock between processes is made of files."""
    for path in tree.files(*CODE, under=("deferred",)):
        for number, angled, what in tree.includes(path):
            known = SYSTEM if path.suffix == ".cpp" else STANDARD
            if path not in FOR_BOOST_TEST and angled and not known.fullmatch(what):
                yield f"{path}:{number}: <{what}> does not come with C++ itself"


def public_headers_show_no_other_library(tree):
    for header in tree.public_headers():
        if header in FOR_BOOST_TEST:
            continue
        for path in sorted(closure(tree, header)):
            for number, _, what in tree.includes(path):
                if HIDDEN.match(what):
                    yield f"{path}:{number}: <{what}> must not reach users, and {header} leads to it"


def what_public_headers_include_is_installed(tree):
    needed = set()
    for header in tree.public_headers():
        needed |= closure(tree, header)
    for path in sorted(needed):
        inside = "/".join(path.parts[1:])
        if f"'{inside}'" not in tree.text(f"{path.parts[0]}/meson.build"):
            yield f"{path}: users need it, so '{inside}' belongs in {path.parts[0]}/meson.build, to be installed"


def closure(tree, header):
    """The header and every header of ours that including it leads to."""
    seen, todo = {header}, [header]
    while todo:
        for _, _, what in tree.includes(todo.pop()):
            path = Path(what.removeprefix("plait/"))
            if what.startswith("plait/") and path not in seen and (tree.root / path).exists():
                seen.add(path)
                todo.append(path)
    return seen


def a_source_includes_its_own_header_first(tree):
    for path in tree.files(".cpp", under=MODULES):
        own = path.with_suffix(".hpp")
        first = next((what for _, _, what in tree.includes(path)), None)
        if (tree.root / own).exists() and first != f"plait/{own}":
            yield f'{path}: includes "plait/{own}" first, so that the header is known to stand alone'


RULES = [
    arrows_point_down,
    own_headers_are_spelled_from_plait,
    private_headers_stay_in_their_folder,
    libev_is_included_in_one_folder,
    deferred_needs_only_the_standard_library,
    public_headers_show_no_other_library,
    what_public_headers_include_is_installed,
    a_source_includes_its_own_header_first,
]

if __name__ == "__main__":
    main(RULES)
