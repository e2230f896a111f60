"""Runs fuzz targets for a while, two at a time, and prints what came of it. Used by tools/fuzz.

usage: fuzz.py --build BUILD_DIR --seeds FOLDER SECONDS [NAME...]
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys

AT_ONCE = 2
ONE_INPUT_SECONDS = 20
MEMORY_MB = 2048
COVERED = re.compile(r"\bcov: (\d+)")


def environment():
    """With function names in the stacks, where there is a program to look them up."""
    symbolizer = shutil.which("llvm-symbolizer-19") or shutil.which("llvm-symbolizer")
    found = {"ASAN_SYMBOLIZER_PATH": symbolizer} if symbolizer else {}
    return os.environ | {"UBSAN_OPTIONS": "print_stacktrace=1"} | found


def targets(build):
    programs = (build / "tests" / "fuzz").glob("fuzz_*")
    return sorted(path.name.removeprefix("fuzz_") for path in programs if path.is_file() and os.access(path, os.X_OK))


def fuzz(build, seeds, name, seconds):
    """Runs one target; what it says about itself, and the inputs that crashed it."""
    grown, crashes = build / "corpus" / name, build / "crashes"
    grown.mkdir(parents=True, exist_ok=True)
    crashes.mkdir(exist_ok=True)
    before = set(crashes.glob(f"{name}-*"))
    run = subprocess.run(
        [
            build / "tests" / "fuzz" / f"fuzz_{name}",
            f"-max_total_time={seconds}",
            f"-timeout={ONE_INPUT_SECONDS}",
            f"-rss_limit_mb={MEMORY_MB}",
            f"-artifact_prefix={crashes / name}-",
            "-print_final_stats=1",
            grown,
            seeds / name,
        ],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    covered = [int(number) for number in COVERED.findall(run.stderr)]
    runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", run.stderr)
    return {
        "name": name,
        "runs": int(runs[1]) if runs else 0,
        "covered": covered[-1] if covered else 0,
        # The first count is that of the seeds and of what earlier runs found.
        "new": covered[-1] - covered[0] if covered else 0,
        "failed": run.returncode != 0,
        "crashes": sorted(set(crashes.glob(f"{name}-*")) - before),
        "said": run.stderr,
    }


def print_table(results):
    rows = [["target", "runs", "covered", "new", "crashes"]]
    for result in results:
        crashed = max(len(result["crashes"]), int(result["failed"]))
        rows.append([result["name"], f"{result['runs']:,}", *(str(n) for n in (result["covered"], result["new"], crashed))])
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  ".join(cells))


def print_failure(result):
    print(f"\n{result['name']} failed:")
    lines = result["said"].splitlines()
    # From what ended it on; before that are only libFuzzer's own notes on its progress.
    first = next((i for i, line in enumerate(lines) if re.search(r"does not hold|ERROR:|runtime error:", line)), 0)
    # What the C library and libFuzzer themselves are doing tells nobody anything.
    shown = [line for line in lines[first:] if not re.search(r"/libc\.so|fuzzer::|NOTE: libFuzzer|FuzzerMain", line)]
    print("\n".join("    " + line for line in shown[:25]))
    for path in result["crashes"]:
        print(f"  the input: {path}")


def main():
    arguments = argparse.ArgumentParser(prog="tools/fuzz", description="Runs the fuzz targets.")
    arguments.add_argument("--build", type=pathlib.Path, required=True)
    arguments.add_argument("--seeds", type=pathlib.Path, required=True)
    arguments.add_argument("seconds", type=int)
    arguments.add_argument("names", nargs="*")
    options = arguments.parse_args()

    names = list(dict.fromkeys(options.names)) or targets(options.build)
    seconds = max(1, options.seconds * min(AT_ONCE, len(names)) // len(names))
    print(f"==> {len(names)} targets, {seconds} s each, {AT_ONCE} at a time", flush=True)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            results = list(pool.map(lambda name: fuzz(options.build, options.seeds, name, seconds), names))
        except KeyboardInterrupt:  # the targets that run have been told by the terminal, too
            pool.shutdown(cancel_futures=True)
            sys.exit("tools/fuzz: interrupted; what was found so far is kept for the next run")
    print_table(results)
    failed = [result for result in results if result["failed"]]
    for result in failed:
        print_failure(result)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
