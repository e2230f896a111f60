"""examples/reactor/http_server and http_get, one asking the other.

usage: http_examples.py SERVER CLIENT
"""
import subprocess
import sys
import urllib.request

# A proxy in the environment does not reach our loopback.
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

with subprocess.Popen([sys.argv[1]], stdout=subprocess.PIPE, text=True) as server:
    try:
        address = server.stdout.readline().strip()
        done = subprocess.run([sys.argv[2], address + "some/path", address], capture_output=True, text=True,
                              timeout=30, check=True)
        expected = {f"200, 25 bytes from {address}some/path", f"200, 16 bytes from {address}"}
        if set(done.stdout.splitlines()) != expected:
            sys.exit(f"http_get printed\n{done.stdout}instead of\n{expected}")
        sent = bytes(range(256)) * 20_000
        with direct.open(urllib.request.Request(address, data=sent), timeout=30) as answer:
            if answer.read() != sent:
                sys.exit("http_server gave back something else")
    finally:
        server.terminate()
if server.returncode != 0:
    sys.exit(f"http_server ended with {server.returncode}")
