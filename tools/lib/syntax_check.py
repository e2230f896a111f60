"""Has every file of a build folder read by its compiler, with all warnings as errors, and writes nothing.

    syntax_check.py BUILD_DIR

For a second opinion on all of the code in a fraction of the time that building it takes.
"""

import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys


def without_output(command):
    """The compiler's words for the same file, but for what it would write."""
    words = shlex.split(command)
    kept = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in ("-o", "-MF", "-MQ"):
            skip = True
        elif word not in ("-c", "-MD", "ccache"):
            kept.append(word)
    return kept + ["-fsyntax-only"]


def check(entry):
    run = subprocess.run(without_output(entry["command"]), cwd=entry["directory"], stderr=subprocess.PIPE, text=True)
    return entry["file"], run.returncode, run.stderr


def main(build_dir):
    entries = json.loads(pathlib.Path(build_dir, "compile_commands.json").read_text())
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for count, (name, status, errors) in enumerate(pool.map(check, entries), 1):
            if sys.stdout.isatty() or count % 50 == 0 or count == len(entries):
                print(f"[{count}/{len(entries)}] {name}", flush=True)
            if status != 0:
                failed += 1
                print(errors, flush=True)
    if failed:
        sys.exit(f"{failed} of {len(entries)} files do not pass")


if __name__ == "__main__":
    main(*sys.argv[1:])
