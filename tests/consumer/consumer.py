"""Uses Plait the way a stranger does: installed and found by pkg-config, or taken along as a Meson subproject.

usage: consumer.py installed|subproject SOURCE_ROOT BUILD_ROOT COMPILER [ARGUMENT...]
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path


def run(*command, env=None):
    """What the command printed; a failure ends the test and shows it."""
    done = subprocess.run(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\nended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def expect(printed, wanted):
    if printed != wanted:
        sys.exit(f"the program printed {printed!r} instead of {wanted!r}")
    print("it runs, and prints", repr(printed))


def sanitizers(build_root):
    """The flag that a program needs whose library was built for sanitizers."""
    options = run("meson", "introspect", build_root, "--buildoptions")
    value = next(option["value"] for option in json.loads(options) if option["name"] == "b_sanitize")
    return [] if value == "none" else [f"-fsanitize={value}"]


def installed(folder, source_root, build_root, compiler):
    stage = folder / "stage"
    run("meson", "install", "-C", build_root, "--no-rebuild", "--quiet", env={**os.environ, "DESTDIR": str(stage)})
    umbrella = next(stage.rglob("plait.pc"), None)
    if umbrella is None:
        sys.exit("meson install put no plait.pc anywhere")
    private = [path for path in stage.rglob("*.hpp") if "tests" in path.relative_to(stage).parts]
    if private:
        sys.exit(f"installed, but private: {private}")
    env = {**os.environ, "PKG_CONFIG_PATH": str(umbrella.parent)}
    flags = run("pkg-config", "--cflags", "--libs", "plait", env=env).split()
    program = folder / "consumer"
    main = source_root / "tests/consumer/main.cpp"
    run(*compiler, "-std=c++20", "-Wall", "-Wextra", "-Werror", *sanitizers(build_root), main, "-o", program, *flags)
    expect(run(program), 'zk1:2181,zk2:2182/app "\\"row\\""\n')


def subproject(folder, source_root, build_root, compiler):
    project = folder / "project"
    (project / "subprojects").mkdir(parents=True)
    (project / "subprojects/plait").symlink_to(source_root)
    for name in ("meson.build", "main.cpp"):
        (project / name).symlink_to(source_root / "tests/consumer/subproject" / name)
    env = {**os.environ, "CXX": " ".join(compiler)}
    run("meson", "setup", folder / "build", project, "--buildtype=debug", env=env)
    run("ninja", "-C", folder / "build", "consumer")
    expect(run(folder / "build/consumer"), "got 42\n")


if __name__ == "__main__":
    how, source, build, *command = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="plait-consumer-") as throw_away:
        {"installed": installed, "subproject": subproject}[how](Path(throw_away), Path(source), Path(build), command)
