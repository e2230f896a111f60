"""Runs the examples of UDP, child processes and files, and looks at what they print and do.

usage: reactor_programs.py UDP_ECHO SPAWN COPY_FILE
"""
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

PATIENCE = 60


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)


def udp_echo(program):
    with subprocess.Popen([program], stdout=subprocess.PIPE, text=True) as server:
        try:
            address = server.stdout.readline().split()[-1]
            asked = run(program, address, "hello", "you there")
            assert asked.stdout == "hello\nyou there\n", asked
            assert asked.returncode == 0, asked
            server.send_signal(signal.SIGINT)
            assert server.wait(PATIENCE) == 0
        finally:
            server.kill()
    refused = run(program, address, "anybody?")
    assert refused.returncode == 1 and "nobody listens there" in refused.stderr, refused


def spawn(program):
    done = run(program, "echo hello", "echo no >&2; exit 3", "kill -9 $$")
    lines = sorted(done.stdout.splitlines())
    wanted = [
        "echo hello ended with 0",
        "echo hello says hello",
        "echo no >&2; exit 3 complains no",
        "echo no >&2; exit 3 ended with 3",
        "kill -9 $$ was ended by signal 9",
    ]
    assert lines == wanted and done.returncode == 0, done


def copy_file(program):
    with tempfile.TemporaryDirectory() as directory:
        source, target = Path(directory, "from"), Path(directory, "to")
        source.write_bytes(bytes(range(256)) * 5000)
        done = run(program, source, target)
        assert done.stdout == "copied 1280000 bytes\n" and done.returncode == 0, done
        assert target.read_bytes() == source.read_bytes()
        again = run(program, source, target)
        assert again.returncode == 1 and f"cannot open {target}: file exists" in again.stderr, again


if __name__ == "__main__":
    for check, path in zip((udp_echo, spawn, copy_file), sys.argv[1:]):
        check(path)
