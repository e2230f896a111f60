"""Every public header compiles alone. One with a .cpp of its own does by being included first there (includes.py sees to
that); the others are compiled here.

usage: headers.py SOURCE_ROOT BUILD_ROOT COMPILER [ARGUMENT...]
"""
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tree import Tree


def compile_alone(header, build_root, compiler):
    name = str(header).replace("/", "_")
    folder = build_root / "headers-alone"
    folder.mkdir(exist_ok=True)
    source = folder / f"{name}.cpp"
    source.write_text(f'#include "plait/{header}"\n', encoding="utf-8")
    command = [*compiler, "-std=c++20", "-Wall", "-Wextra", "-Werror", f"-I{build_root}/include", "-c", str(source)]
    result = subprocess.run([*command, "-o", str(folder / f"{name}.o")], capture_output=True, text=True, check=False)
    return None if result.returncode == 0 else f"{header} does not compile alone:\n{result.stderr}"


def run(source_root, build_root, *compiler):
    tree = Tree(source_root)
    alone = [path for path in tree.public_headers() if not (tree.root / path.with_suffix(".cpp")).exists()]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = [p for p in pool.map(lambda h: compile_alone(h, Path(build_root), compiler), alone) if p]
    print(*problems, f"{len(alone)} headers, {len(problems)} problems", sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(run(*sys.argv[1:]))
