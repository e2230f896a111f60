"""Runs benchmark programs, prints one table, and writes it as JSON.

    bench.py --json FILE [--case PATTERN] PROGRAM...

Each program measures a case or two beside a peer, in one run, and prints one line of JSON for each:

    {"case": "reactor.echo_100", "unit": "round trips/s", "ours": 1.0, "peer": 1.0, "peer_name": "libev", "goal": 0.9}

More of `ours` is better. The ratio is ours / peer: times better than the peer. "lower_is_better" turns it round.
"""

import argparse
import fnmatch
import json
import pathlib
import subprocess
import sys


def measure(program):
    """The cases a program prints; standard error is shown as it comes."""
    run = subprocess.run([program], stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode != 0:
        raise SystemExit(f"bench: {program} ended with status {run.returncode}")
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


def judge(case):
    better = case["peer"] / case["ours"] if case.get("lower_is_better") else case["ours"] / case["peer"]
    goal = case.get("goal")
    return {
        "case": case["case"],
        "ours": case["ours"],
        "unit": case["unit"],
        "peer": case["peer"],
        "peer_name": case["peer_name"],
        "ratio": round(better, 3),
        "goal": goal,
        "met": None if goal is None else better >= goal,
    }


def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"


def row(case):
    verdict = {True: "yes", False: "NO", None: ""}[case["met"]]
    goal = "" if case["goal"] is None else f"{case['goal']:.2f}"
    return [
        case["case"],
        f"{number(case['ours'])} {case['unit']}",
        f"{number(case['peer'])} ({case['peer_name']})",
        f"{case['ratio']:.2f}",
        goal,
        verdict,
    ]


def print_table(cases):
    rows = [["case", "ours", "peer", "ratio", "goal", "met"]] + [row(case) for case in cases]
    widths = [max(len(line[i]) for line in rows) for i in range(6)]
    for line in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def main():
    arguments = argparse.ArgumentParser(prog="tools/bench", description="Measures Plait beside its peers.")
    arguments.add_argument("--json", type=pathlib.Path, required=True, help="where the table goes as JSON")
    arguments.add_argument("--case", default="*", help="only cases that match, such as 'reactor.*'")
    arguments.add_argument("programs", nargs="+", type=pathlib.Path)
    options = arguments.parse_args()

    cases = []
    for index, program in enumerate(options.programs, 1):
        print(f"==> {index} of {len(options.programs)}: {program.name}", file=sys.stderr, flush=True)
        cases += [judge(case) for case in measure(program) if fnmatch.fnmatch(case["case"], options.case)]
    options.json.write_text(json.dumps(cases, indent=2) + "\n")
    print_table(cases)


if __name__ == "__main__":
    main()
