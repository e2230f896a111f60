"""Reads Meson's lists of tests for tools/test.

select PATTERN    stdin: `meson introspect --tests`; prints the names of the tests whose "suite name" matches
summary FILE      FILE: meson-logs/testlog.json; prints `N passed, N failed, N skipped`, fails when a test did
"""
import json
import re
import sys


def select(pattern):
    tests = json.load(sys.stdin)
    try:
        wanted = re.compile(pattern)
    except re.error as problem:
        print(f"tools/test: -k '{pattern}' is not a regular expression: {problem}", file=sys.stderr)
        sys.exit(2)
    for test in tests:
        suites = " ".join(suite.split(":")[-1] for suite in test["suite"])
        if wanted.search(f"{suites} {test['name']}"):
            print(test["name"])


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
    {"select": select, "summary": summary}[sys.argv[1]](sys.argv[2])
