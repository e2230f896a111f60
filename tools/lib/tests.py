"""Reads Meson's lists of tests for tools/test.

names PATTERN SUITES    stdin: `meson introspect --tests`; prints the names of the tests in one of SUITES (with commas;
                        empty: any) whose "suite name" matches
targets PATTERN SUITES BUILD_DIR
                        prints the programs of these tests, as ninja knows them, instead
summary FILE...         FILE: meson-logs/testlog.json, one of each run; prints `N passed, N failed, N skipped` of all
                        together, fails when a test did
"""
import json
import os
import re
import sys


def selected(pattern, asked):
    tests = json.load(sys.stdin)
    try:
        wanted = re.compile(pattern)
    except re.error as problem:
        print(f"tools/test: -k '{pattern}' is not a regular expression: {problem}", file=sys.stderr)
        sys.exit(2)
    for test in tests:
        suites = [name.split(":")[-1] for name in test["suite"]]
        if (not asked or set(asked.split(",")) & set(suites)) and wanted.search(f"{' '.join(suites)} {test['name']}"):
            yield test


def names(pattern, suites):
    for test in selected(pattern, suites):
        print(test["name"])


def targets(pattern, suites, build_dir):
    for test in selected(pattern, suites):
        print(os.path.relpath(os.path.realpath(test["cmd"][0]), os.path.realpath(build_dir)))


def summary(*paths):
    passed = skipped = 0
    failed = []
    for path in paths:
        run = os.path.basename(path).removeprefix("testlog").removesuffix(".json").replace("-", ", on ")
        try:
            with open(path, encoding="utf-8") as log:
                for line in log:
                    test = json.loads(line)
                    if test["result"] in ("OK", "EXPECTEDFAIL"):
                        passed += 1
                    elif test["result"] == "SKIP":
                        skipped += 1
                    else:  # FAIL, TIMEOUT, ERROR, INTERRUPT, UNEXPECTEDPASS
                        failed.append(f"{test['name']} ({test['result'].lower()}{run})")
        except FileNotFoundError:
            failed.append(f"no test ran: Meson wrote no log{run}")
    for name in failed:
        print(f"failed: {name}")
    print(f"{passed} passed, {len(failed)} failed, {skipped} skipped")
    sys.exit(1 if failed or passed + skipped == 0 else 0)


if __name__ == "__main__":
    {"names": names, "targets": targets, "summary": summary}[sys.argv[1]](*sys.argv[2:])
