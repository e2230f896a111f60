"""Runs a program and compares what it prints with what the documents say.

usage: prints.py PROGRAM EXPECTED
"""
import subprocess
import sys

done = subprocess.run([sys.argv[1]], capture_output=True, text=True, check=False)
if done.returncode != 0 or done.stderr or done.stdout != sys.argv[2] + "\n":
    sys.exit(f"it ended with {done.returncode} and printed\n{done.stdout}{done.stderr}instead of\n{sys.argv[2]}")
