"""Mistakes that compilers find: each file here, compiled with -DMISTAKE, must be refused with the sentence in its first
line, near the top of what the compiler says, and without a flood; compiled without, it must pass.

usage: misuse.py INCLUDE_ROOT COMPILER [ARGUMENT...]
"""
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Of the lines that say "error", the sentence must be among the first; the rest is what the compiler makes of it.
AMONG_FIRST = 2
MOST_ERRORS = 4
MOST_LINES = 60


def compile_it(source, include_root, compiler, *more):
    command = [*compiler, "-std=c++20", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{include_root}", *more]
    return subprocess.run([*command, str(source)], capture_output=True, text=True, check=False)


def problems_of(source, include_root, compiler):
    expected = source.read_text(encoding="utf-8").splitlines()[0].removeprefix("// Expect: ")
    mended = compile_it(source, include_root, compiler)
    if mended.returncode != 0:
        return [f"{source.name}: the mended half does not compile:\n{mended.stderr}"]
    refused = compile_it(source, include_root, compiler, "-DMISTAKE")
    if refused.returncode == 0:
        return [f"{source.name}: the mistake compiles"]
    lines = refused.stderr.splitlines()
    errors = [line for line in lines if "error:" in line]
    problems = []
    if not any(expected in line for line in errors[:AMONG_FIRST]):
        problems.append(f'"{expected}" is not in the first {AMONG_FIRST} errors')
    if len(errors) > MOST_ERRORS or len(lines) > MOST_LINES:
        problems.append(f"{len(errors)} errors in {len(lines)} lines are more than {MOST_ERRORS} in {MOST_LINES}")
    return [f"{source.name}: {'; '.join(problems)}:\n{refused.stderr}"] if problems else []


def run(include_root, *compiler):
    sources = sorted(Path(__file__).parent.glob("*.cpp"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda source: problems_of(source, include_root, compiler), sources)
        problems = [problem for of_one in found for problem in of_one]
    print(*problems, f"{len(sources)} mistakes, {len(problems)} problems", sep="\n")
    return 1 if problems or not sources else 0


if __name__ == "__main__":
    sys.exit(run(*sys.argv[1:]))
