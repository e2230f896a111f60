"""Reads Meson's lists of tests for tools/test.

names PATTERN SUITE     stdin: `meson introspect --tests`; prints the names of the tests in SUITE (empty: any) whose
                        "suite name" matches
targets PATTERN SUITE BUILD_DIR
                        prints the programs of these tests, as ninja knows them, instead
summary FILE            FILE: meson-logs/testlog.json; prints `N passed, N failed, N skipped`, fails when a test did
"""
import json
import os
import re
import sys


def selected(pattern, suite):
    tests = json.load(sys.stdin)
    try:
        wanted = re.compile(pattern)
    except re.error as problem:
        print(f"tools/test: -k '{pattern}' is not a regular expression: {problem}", file=sys.stderr)
        sys.exit(2)
    for test in tests:
        suites = [name.split(":")[-1] for name in test["suite"]]
        if (not suite or suite in suites) and wanted.search(f"{' '.join(suites)} {test['name']}"):
            yield test


def names(pattern, suite):
    for test in selected(pattern, suite):
        print(test["name"])


def targets(pattern, suite, build_dir):
    for test in selected(pattern, suite):
        print(os.path.relpath(os.path.realpath(test["cmd"][0]), os.path.realpath(build_dir)))


def summary(path):
    passed = skipped = 0
    failed = []
    try:
        with open(path, encoding="utf-8") as log:
            for line in log:
                test = json.loads(line)
                if test["result"] in ("OK", "EXPECTEDFAIL"):
                    passed += 1
                elif test["result"] == "SKIP":
                    skipped += 1
                else:  # FAIL, TIMEOUT, ERROR, INTERRUPT, UNEXPECTEDPASS
                    failed.append(f"{test['name']} ({test['result'].lower()})")
    except FileNotFoundError:
        failed.append("no test ran: Meson wrote no log")
    for name in failed:
        print(f"failed: {name}")
    print(f"{passed} passed, {len(failed)} failed, {skipped} skipped")
    sys.exit(1 if failed or passed + skipped == 0 else 0)


if __name__ == "__main__":
    {"names": names, "targets": targets, "summary": summary}[sys.argv[1]](*sys.argv[2:])
