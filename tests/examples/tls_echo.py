"""Runs the TLS example against itself, with a certificate made for the occasion.

usage: tls_echo.py TLS_ECHO
"""
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

PATIENCE = 60


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)


def make_certificate(folder):
    certificate, key = Path(folder, "server.pem"), Path(folder, "server.key")
    made = run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
               "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
               "-keyout", key, "-out", certificate)
    assert made.returncode == 0, made
    return certificate, key


def tls_echo(program):
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = make_certificate(folder)
        with subprocess.Popen([program, "serve", certificate, key], stdout=subprocess.PIPE, text=True) as server:
            try:
                address = server.stdout.readline().split()[-1]
                asked = run(program, "ask", address, certificate, "hello", "you there")
                greeting = "connected with TLS 1.3 to CN=localhost\n"
                assert asked.stdout == f"{greeting}hello\n{greeting}you there\n", asked
                assert asked.returncode == 0, asked
                other, _ = make_certificate(folder)
                refused = run(program, "ask", address, other, "hello")
                assert refused.returncode == 1 and "certificate verify failed" in refused.stderr, refused
                server.send_signal(signal.SIGINT)
                assert server.wait(PATIENCE) == 0
            finally:
                server.kill()
        missing = run(program, "serve", Path(folder, "none.pem"), key)
        assert missing.returncode == 1 and "none.pem: No such file or directory" in missing.stderr, missing


if __name__ == "__main__":
    tls_echo(sys.argv[1])
