"""Runs the examples of metrics and of threads, and looks at what they say.

usage: metrics_and_threads.py METRICS THREADS
"""
import signal
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

PATIENCE = 60


def fetch(address):
    with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
        return answer.read().decode()


def metrics(program):
    with subprocess.Popen([program], stdout=subprocess.PIPE, text=True) as server:
        try:
            address = server.stdout.readline().strip()
            numbers = fetch(address)
            assert "# TYPE plait_" in numbers, numbers
            waiting = fetch(address.removesuffix("metrics") + "waiting")
            assert waiting.strip(), "/waiting is empty"
            server.send_signal(signal.SIGINT)
            assert server.wait(PATIENCE) == 0
        finally:
            server.kill()


def threads(program):
    with tempfile.TemporaryDirectory() as folder:
        file, none = Path(folder, "lines"), Path(folder, "none")
        file.write_text("line\n" * 1234)
        done = subprocess.run([program, file, file], capture_output=True, text=True, check=False, timeout=PATIENCE)
        assert done.returncode == 0 and done.stdout == f"    1234 {file}\n" * 2, done
        failed = subprocess.run([program, none], capture_output=True, text=True, check=False, timeout=PATIENCE)
        assert failed.returncode == 1 and f"cannot read {none}" in failed.stderr, failed


if __name__ == "__main__":
    metrics(sys.argv[1])
    threads(sys.argv[2])
