"""Runs the example programs of the stream transports and looks at what they do.

usage: reactor_streams.py ECHO_SERVER UNIX_DESCRIPTORS STDIO_CAT
"""
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile

PATIENCE = 30


def check(what, holds):
    if not holds:
        sys.exit(f"not so: {what}")


def echo_server(program):
    server = subprocess.Popen([program], stdout=subprocess.PIPE, text=True)
    where = server.stdout.readline().strip().removeprefix("listening on ")
    host, port = where.rsplit(":", 1)
    text = b"hello " * 100_000
    with socket.create_connection((host, int(port)), PATIENCE) as client:
        sent, got = 0, b""
        while sent < len(text):
            sent += client.send(text[sent:sent + 50_000])
            got += client.recv(200_000)
        client.shutdown(socket.SHUT_WR)
        while piece := client.recv(200_000):
            got += piece
    check("the echo server gives everything back", got == text)
    server.send_signal(signal.SIGTERM)
    server.wait(PATIENCE)


def unix_descriptors(program, folder):
    path, file = str(folder / "socket"), folder / "file"
    file.write_text("what is handed over\n")
    giver = subprocess.Popen([program, "give", path, str(file)], stdout=subprocess.PIPE, text=True)
    check("the giver listens", giver.stdout.readline() == f"listening at {path}\n")
    taken = subprocess.run([program, "take", path], capture_output=True, text=True, timeout=PATIENCE, check=False)
    check("the taker prints the file", (taken.returncode, taken.stdout) == (0, "what is handed over\n"))
    check("the giver ends well", giver.wait(PATIENCE) == 0)
    check("the socket's file is gone", not pathlib.Path(path).exists())


def stdio_cat(program, folder):
    text = b"line\n" * 500_000
    piped = subprocess.run([program], input=text, capture_output=True, timeout=PATIENCE, check=False)
    check("cat copies a pipe", (piped.returncode, piped.stdout) == (0, text))
    (folder / "in").write_bytes(text)
    with open(folder / "in", "rb") as source, open(folder / "out", "wb") as target:
        subprocess.run([program], stdin=source, stdout=target, timeout=PATIENCE, check=True)
    check("cat copies a file", (folder / "out").read_bytes() == text)


echo_server(sys.argv[1])
# The path of a UNIX socket is short: 107 bytes.
with tempfile.TemporaryDirectory(dir="/tmp" if len(tempfile.gettempdir()) > 60 else None) as name:
    unix_descriptors(sys.argv[2], pathlib.Path(name))
    stdio_cat(sys.argv[3], pathlib.Path(name))
